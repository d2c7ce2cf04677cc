package excerpt

import (
	"bufio"
	"encoding/json"
	"io"
	"slices"
	"strings"
)

// maxDepth bounds how deep fields are told apart: the texts of what lies deeper stay.
const maxDepth = 64

// Lift returns what from gives, with other texts in place of those in the fields of these names, of which so none need be in
// memory: `result`, or `inlineData.data` for one inside of another; lists between them do not count. take gets such a text as it
// comes, unless it is empty, and returns what is to stand there; what it leaves of the text is passed over. Read calls it.
//
// from may have several documents, as a stream of events has, and what stands between them. No text goes on behind a line.
func Lift(from io.Reader, fields []string, take func(io.Reader) string) io.Reader {
	l := &lifter{in: bufio.NewReader(from), take: take}
	for _, f := range fields {
		l.fields = append(l.fields, strings.Split(f, "."))
	}
	return l
}

// lifter goes through documents and gives out what it has passed.
type lifter struct {
	in     *bufio.Reader
	fields [][]string
	take   func(io.Reader) string
	out    []byte // not given out yet

	path    []string // the fields whose values it is in, "" of lists and documents; no more than maxDepth
	depth   int      // of it, also beyond that
	key     []byte   // the last text, a field's name where a colon follows
	value   bool     // a colon did
	inside  bool     // of a text
	escaped bool     // behind a backslash in it
}

// Read implements io.Reader.
func (l *lifter) Read(p []byte) (int, error) {
	for len(l.out) == 0 {
		if _, err := l.in.Peek(1); err != nil {
			return 0, err
		}
		there, _ := l.in.Peek(l.in.Buffered())
		n := l.pass(there)
		l.out = append(l.out[:0], there[:n]...)
		_, _ = l.in.Discard(n) // which is there
		if n == 0 {
			if err := l.lift(); err != nil {
				return 0, err
			}
		}
	}
	n := copy(p, l.out)
	l.out = l.out[n:]
	return n, nil
}

// pass goes on up to a text that is to be lifted, and returns how many bytes it has passed: none where that text is next.
func (l *lifter) pass(there []byte) int {
	for n, c := range there {
		switch {
		case l.inside:
			l.within(c)
		case c == '"' && l.wanted():
			return n
		case c == '"':
			l.inside, l.key = true, l.key[:0]
		case c == ':':
			l.value = true
		case c == ',':
			l.fresh()
		case c == '{' || c == '[':
			l.enter()
		case c == '}' || c == ']':
			l.leave()
		}
	}
	return len(there)
}

// within takes a byte of a text.
func (l *lifter) within(c byte) {
	switch {
	case c == '\n', c == '"' && !l.escaped:
		l.inside, l.escaped = false, false
		return
	default:
		l.escaped = c == '\\' && !l.escaped
	}
	if len(l.key) < maxKey {
		l.key = append(l.key, c)
	}
}

// fresh begins another field, or item of a list.
func (l *lifter) fresh() { l.value, l.key = false, l.key[:0] }

func (l *lifter) enter() {
	if l.depth++; l.depth <= maxDepth {
		name := ""
		if l.value {
			name = string(l.key)
		}
		l.path = append(l.path, name)
	}
	l.fresh()
}

func (l *lifter) leave() {
	l.depth = max(l.depth-1, 0)
	l.path = l.path[:min(len(l.path), l.depth)]
	l.fresh()
}

// wanted reports whether the value that begins is that of one of the fields.
func (l *lifter) wanted() bool {
	return l.value && l.depth <= maxDepth && slices.ContainsFunc(l.fields, func(names []string) bool {
		at := len(names) - 1
		if names[at] != string(l.key) {
			return false
		}
		for _, name := range slices.Backward(l.path) {
			if at > 0 && name != "" {
				if at--; names[at] != name {
					return false
				}
			}
		}
		return at == 0
	})
}

// lift gives out what stands in place of the text that follows.
func (l *lifter) lift() error {
	_, _ = l.in.Discard(1) // the quote
	l.fresh()
	next, err := l.in.Peek(1)
	if err != nil {
		return err
	}
	instead, rest := "", &text{in: l.in}
	if next[0] != '"' {
		instead = l.take(rest)
	}
	if _, err := io.Copy(io.Discard, rest); err != nil {
		return err
	}
	quoted, err := json.Marshal(instead)
	l.out = append(l.out[:0], quoted...)
	return err
}
