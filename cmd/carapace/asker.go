package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/carapace-gateway/carapace/kernel/plain"
)

// asker asks the owner for settings at the terminal.
type asker struct {
	in    *os.File
	lines *bufio.Reader // of in
	out   io.Writer
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

// ask asks for the credentials and for what is required; the rest has defaults. A credential that is left empty
// stays as it is.
func (a *asker) ask(s *settings) error {
	for _, f := range s.fields {
		if !f.secret && !f.required {
			continue
		}
		text, err := a.read(f)
		switch {
		case err != nil:
			return err
		case text != "":
			s.put(f, text)
		case !f.secret:
			return fmt.Errorf("%s is needed", f.name)
		}
	}
	return nil
}

// read reads one answer, a credential without showing it. The end of the input counts as an empty answer.
func (a *asker) read(f field) (string, error) {
	fmt.Fprintf(a.out, "%s (%s): ", f.name, f.title)
	if f.secret {
		b, err := term.ReadPassword(int(a.in.Fd()))
		fmt.Fprintln(a.out)
		return strings.TrimSpace(string(b)), err
	}
	line, err := a.lines.ReadString('\n')
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return strings.TrimSpace(line), err
}
