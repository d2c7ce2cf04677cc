package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/carapace-gateway/carapace/kernel/plain"
)

// table writes rows of cells under a head, aligned; an empty head is left out. A blank in the head begins the next
// column, so a column has a name of one word.
func table(w io.Writer, head string, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if head != "" {
		fmt.Fprintln(t, strings.ReplaceAll(head, " ", "\t"))
	}
	for _, r := range rows {
		cells := make([]string, len(r))
		for i, cell := range r {
			cells[i] = plain.Line(cell)
		}
		fmt.Fprintln(t, strings.Join(cells, "\t"))
	}
	return t.Flush()
}

// listed is a table, or where it has no rows what that means and what to do.
func listed(w io.Writer, head string, rows [][]string, none string) error {
	if len(rows) == 0 {
		_, err := fmt.Fprintln(w, none)
		return err
	}
	return table(w, head, rows)
}

// ago says how long ago a moment in Unix milliseconds was; 0 is never, as in the protocol.
func ago(ms int64) string {
	if ms == 0 {
		return "never"
	}
	return length(time.Since(time.UnixMilli(ms))) + " ago"
}

// length is a duration for people, in its largest unit and rounded down: 90 seconds are 1m.
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

// milliseconds is a duration of the protocol's.
func milliseconds(ms int64) time.Duration { return time.Duration(ms) * time.Millisecond }

// exact is a duration with all its units and without those that are 0 at its end: 5m, 1h30m.
func exact(d time.Duration) string {
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// size is a number of bytes for people.
func size(n int64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KB", float64(n)/(1<<10))
	case n < 1<<30:
		return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f GB", float64(n)/(1<<30))
}

// mark begins the line of something that was looked at.
func mark(ok, warning bool) string {
	switch {
	case !ok:
		return "✗"
	case warning:
		return "!"
	}
	return "✓"
}

// orDash fills a cell in that would be empty, so that columns can be told apart, also by awk.
func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
