package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/carapace-gateway/carapace/kernel/form"
	"github.com/carapace-gateway/carapace/kernel/plain"
)

// asker asks the owner for settings at the terminal.
type asker struct {
	in    *os.File
	lines *bufio.Reader // of in
	out   io.Writer
	ended bool // the input has
}

func newAsker(in *os.File, out io.Writer) *asker {
	return &asker{in: in, lines: bufio.NewReader(in), out: out}
}

// terminal is r where somebody sits at it.
func terminal(r any) (*os.File, bool) {
	if w, ok := r.(*plain.Writer); ok {
		r = w.Unwrap()
	}
	f, ok := r.(*os.File)
	return f, ok && term.IsTerminal(int(f.Fd()))
}

// errLeft is that the owner does not want to be asked any more.
var errLeft = errors.New("left; nothing was changed")

// ask asks for the settings that are required and, where the owner wants it or nothing is, for the others. What is left
// empty stays as it is.
func (a *asker) ask(ctx context.Context, s *settings) error {
	fmt.Fprintln(a.out, "What you leave empty stays as it is; Ctrl-C ends without a change.")
	required, others := form.Ask(s.fields)
	if err := a.askEach(ctx, s, required); err != nil {
		return err
	}
	if len(required) > 0 && len(others) > 0 {
		answer, err := a.line(ctx, fmt.Sprintf("\nEverything else has a default: %s. Change some of it? [y/N] ", plain.Line(form.Names(others))))
		if err != nil || answer != "y" && answer != "yes" {
			return err
		}
	}
	return a.askEach(ctx, s, others)
}

func (a *asker) askEach(ctx context.Context, s *settings, fields []form.Field) error {
	for _, f := range fields {
		if f.Help != "" {
			fmt.Fprintln(a.out, "\n"+plain.Line(f.Help))
		}
		text, err := a.read(ctx, f)
		switch {
		case err != nil:
			return err
		case text != "":
			s.put(f, text)
		case f.Required && !f.Secret:
			return fmt.Errorf("%s is needed", f.Name)
		}
	}
	return nil
}

// read reads one answer, a credential without showing it. The end of the input counts as an empty answer.
func (a *asker) read(ctx context.Context, f form.Field) (string, error) {
	prompt := fmt.Sprintf("%s (%s%s): ", plain.Line(f.Name), plain.Line(f.Title), f.Note())
	if !f.Secret {
		return a.line(ctx, prompt)
	}
	return a.hidden(ctx, prompt)
}

// hidden reads one answer without showing it.
func (a *asker) hidden(ctx context.Context, prompt string) (string, error) {
	fmt.Fprint(a.out, prompt)
	before, err := term.GetState(int(a.in.Fd()))
	if err != nil {
		return "", err
	}
	text, err := a.until(ctx, func() (string, error) {
		b, err := term.ReadPassword(int(a.in.Fd()))
		return strings.TrimSpace(string(b)), err
	})
	_ = term.Restore(int(a.in.Fd()), before) // it is what it was, unless the reading was left
	fmt.Fprintln(a.out)
	return text, err
}

// line reads one line after a prompt.
func (a *asker) line(ctx context.Context, prompt string) (string, error) {
	fmt.Fprint(a.out, prompt)
	return a.until(ctx, func() (string, error) {
		line, err := a.lines.ReadString('\n')
		if errors.Is(err, io.EOF) {
			a.ended, err = true, nil
		}
		return strings.TrimSpace(line), err
	})
}

// until reads until ctx ends, as it does at Ctrl-C. A read from a terminal cannot be called off, so it is left to itself:
// the process ends soon.
func (a *asker) until(ctx context.Context, read func() (string, error)) (string, error) {
	type answer struct {
		text string
		err  error
	}
	done := make(chan answer, 1)
	go func() {
		text, err := read()
		done <- answer{text, err}
	}()
	select {
	case got := <-done:
		if ctx.Err() != nil {
			return "", errLeft
		}
		return got.text, got.err
	case <-ctx.Done():
		fmt.Fprintln(a.out) // what follows does not stand beside the question
		return "", errLeft
	}
}
