package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/file"
)

// maxSecret bounds a credential from standard input or a file, in bytes.
const maxSecret = 64 << 10

// readSecret reads a credential from where the command line says. The credential itself may not stand there: a
// command line is seen by every process of the machine, and kept in the shell's history.
func readSecret(in io.Reader, from string) (string, error) {
	switch kind, what, _ := strings.Cut(from, ":"); {
	case from == "-":
		text, err := readText(in, maxSecret)
		if text = strings.TrimSpace(text); err == nil && text == "" {
			err = errors.New("standard input is empty")
		}
		return text, err
	case kind == "env":
		if os.Getenv(what) == "" {
			return "", fmt.Errorf("the environment variable %q is not set, or empty", what)
		}
		return os.Getenv(what), nil
	case kind == "file":
		return secretFile(what)
	}
	return "", errors.New("a credential on the command line would be seen by others; use env:VARIABLE, file:PATH or -")
}

// secretFile reads a credential from a file, or from what a path such as /dev/fd/3 stands for.
func secretFile(path string) (string, error) {
	read := file.Read
	if strings.HasPrefix(path, "/dev/fd/") || strings.HasPrefix(path, "/proc/self/fd/") { // a pipe of whoever started this
		read = func(path string, limit int64) ([]byte, error) {
			f, err := os.Open(path)
			if err != nil {
				return nil, err
			}
			defer f.Close()
			text, err := readText(f, limit)
			return []byte(text), err
		}
	}
	b, err := read(path, maxSecret)
	text := strings.TrimSpace(string(b))
	if err == nil && text == "" {
		err = fmt.Errorf("%s is empty", path)
	}
	return text, err
}

// secret reads a credential from where a flag says or, without one, asks for it. A new passphrase is asked for twice.
func (o *options) secret(ctx context.Context, flag, from, title string, twice bool) (string, error) {
	if from != "" {
		text, err := readSecret(o.in, from)
		if err != nil {
			return "", usageError{fmt.Errorf("--%s %s: %w", flag, from, err)}
		}
		return text, nil
	}
	in, ok := terminal(o.in)
	if !ok {
		return "", usageError{fmt.Errorf("nobody can be asked for the %s here: add --%s env:VARIABLE, file:PATH or -", title, flag)}
	}
	a := newAsker(in, o.err)
	text, err := a.hidden(ctx, title+": ")
	if err == nil && text == "" {
		err = fmt.Errorf("the %s is empty: nothing was done", title)
	}
	if err != nil || !twice {
		return text, err
	}
	again, err := a.hidden(ctx, "the same again: ")
	if err == nil && again != text {
		err = errors.New("the two are not the same: nothing was done")
	}
	return text, err
}
