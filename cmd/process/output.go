package process

import (
	"bytes"
	"io"
	"sync"
)

// firstLine takes what a program prints, gives out the first line and forgets the rest.
type firstLine struct {
	line chan string
	have []byte // nil once the line was given out
}

func newFirstLine() *firstLine { return &firstLine{line: make(chan string, 1), have: []byte{}} }

// Write implements io.Writer.
func (f *firstLine) Write(p []byte) (int, error) {
	if f.have == nil {
		return len(p), nil
	}
	f.have = append(f.have, p...)
	if line, _, ok := bytes.Cut(f.have, []byte("\n")); ok {
		f.line <- string(line)
		f.have = nil
	}
	return len(p), nil
}

// tailBytes is how much of a log an error shows.
const tailBytes = 2 << 10

// tail passes on what is written to it and keeps the end.
type tail struct {
	to   io.Writer
	mu   sync.Mutex
	last []byte
}

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = append(t.last, p...)
	if more := len(t.last) - tailBytes; more > 0 {
		t.last = append(t.last[:0], t.last[more:]...)
	}
	return t.to.Write(p)
}

// String is the end of the log as the end of an error.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.last) == 0 {
		return "; it logged nothing"
	}
	return "; its log ends with:\n" + string(bytes.TrimRight(t.last, "\n"))
}
