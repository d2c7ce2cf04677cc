package sse

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
)

// starts are what the lines of an event stream begin with; the last one is a comment's.
var starts = [...]string{"data:", "event:", "id:", "retry:", ":"}

// Begins reports whether what r gives next may be an event stream: whether its first line that is not empty is a
// field or a comment. It takes the empty lines, and reads no more of the next one than decides. A source that ends
// at once is an empty stream; other errors are the source's.
func Begins(r *bufio.Reader) (bool, error) {
	for n := 1; ; n++ {
		there, err := r.Peek(n)
		switch {
		case errors.Is(err, io.EOF):
			return n == 1, nil
		case err != nil:
			return false, err
		}
		if n == 1 && bytes.ContainsAny(there, "\r\n") || string(there) == "\uFEFF" {
			_, _ = r.Discard(n) // it is there: it cannot fail
			n = 0
			continue
		}
		text := string(there)
		if slices.Contains(starts[:], text) {
			return true, nil
		}
		could := func(start string) bool { return strings.HasPrefix(start, text) }
		if !slices.ContainsFunc(starts[:], could) && !strings.HasPrefix("\uFEFF", text) {
			return false, nil
		}
	}
}
