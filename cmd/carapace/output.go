package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// writer writes a method's answer for people.
type writer func(w io.Writer, answer json.RawMessage) error

// as is a writer of answers that are an R.
func as[R any](write func(io.Writer, R) error) writer {
	return func(w io.Writer, answer json.RawMessage) error {
		var r R
		if err := json.Unmarshal(answer, &r); err != nil {
			return fmt.Errorf("read the gateway's answer: %w", err)
		}
		return write(w, r)
	}
}

// line is a writer that says what was done, for answers that are only interesting to programs.
func line(done string) writer {
	return func(w io.Writer, _ json.RawMessage) error {
		_, err := fmt.Fprintln(w, done)
		return err
	}
}

// show makes a call and prints its answer: as JSON where that was asked for, else as write does.
func (o *options) show(ctx context.Context, method string, params any, write writer) error {
	var answer json.RawMessage
	if err := o.call(ctx, method, params, &answer); err != nil {
		return err
	}
	if o.json {
		return printJSON(o.out, answer)
	}
	return write(o.out, answer)
}

// printJSON writes v for a program to read.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// table writes rows of cells under a head, aligned; an empty head is left out.
func table(w io.Writer, head string, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if head != "" {
		fmt.Fprintln(t, strings.ReplaceAll(head, " ", "\t"))
	}
	for _, r := range rows {
		fmt.Fprintln(t, strings.Join(r, "\t"))
	}
	return t.Flush()
}

// ago says how long ago a moment in Unix milliseconds was.
func ago(ms int64) string {
	if ms == 0 {
		return "never"
	}
	return length(time.Since(time.UnixMilli(ms))) + " ago"
}

// length is a duration for people.
func length(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

// size is a number of bytes for people.
func size(n int64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
