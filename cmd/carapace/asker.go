package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// asker asks at the terminal.
type asker struct {
	in    *os.File
	lines *bufio.Reader // of in
	out   io.Writer
}

// ask asks for the credentials and for what is required; the rest has defaults.
func (a *asker) ask(s *setup, fields []field) error {
	for _, f := range fields {
		if !f.secret && !f.required {
			continue
		}
		text, err := a.read(f)
		switch {
		case err != nil:
			return err
		case text == "" && f.required && !f.secret:
			return fmt.Errorf("%s is needed", f.name)
		case text == "":
		case f.secret:
			s.Secrets[f.name] = text
		default:
			s.config[f.name] = f.value(text)
		}
	}
	return nil
}

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
