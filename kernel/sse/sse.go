// Package sse reads what arrives piece by piece as text: lines, and the events of text/event-stream.
//
// It owns the framing and its bounds; where the bytes come from and what they mean is the caller's. A
// line or an event over the limit is CodeTooLarge, after which nothing more can be read; other errors
// are the source's own. Invalid UTF-8 in an event is replaced, but for a character that the source has split over two
// events, which comes whole with the second. Readers are for one goroutine.
package sse

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/wit"
)

func tooLarge(what string, limit int) error {
	return wit.Errorf(wit.CodeTooLarge, "the other side sends too much: %s has more than %d bytes", what, limit)
}

// Lines reads lines that end in \n, \r\n or \r.
type Lines struct {
	r     *bufio.Reader
	limit int
	cr    bool // the last line ended in \r: a \n that follows belongs to it
}

// NewLines reads lines of at most limit bytes.
func NewLines(r io.Reader, limit int) *Lines {
	return &Lines{r: bufio.NewReaderSize(r, 4096), limit: limit}
}

// Next returns a line without its end. At the end of the source it returns what there is with io.EOF.
func (l *Lines) Next() ([]byte, error) {
	var line []byte
	for {
		if _, err := l.r.Peek(1); err != nil {
			return line, err
		}
		there, _ := l.r.Peek(l.r.Buffered()) // what has arrived: it cannot fail
		if l.cr && there[0] == '\n' {
			there = there[:0]
			_, _ = l.r.Discard(1)
		}
		l.cr = false
		end := bytes.IndexAny(there, "\r\n")
		if end < 0 {
			end = len(there)
		}
		if len(line)+end > l.limit {
			return nil, tooLarge("a line", l.limit)
		}
		line = append(line, there[:end]...)
		ended := end < len(there)
		l.cr = ended && there[end] == '\r'
		if ended {
			end++
		}
		_, _ = l.r.Discard(end)
		if ended {
			return line, nil
		}
	}
}

// Event is one event of a stream.
type Event struct {
	// Name is empty where the stream gives none.
	Name string
	// ID is the last event id so far.
	ID   string
	Data string
	// Cut says that the stream ended before the event did.
	Cut bool
}

// Reader reads events.
type Reader struct {
	lines *Lines
	begun bool
	id    string
	chars characters
}

// NewReader reads events of at most limit bytes of data.
func NewReader(r io.Reader, limit int) *Reader { return &Reader{lines: NewLines(r, limit)} }

// Next returns the next event that has data, io.EOF after the last one.
func (s *Reader) Next() (Event, error) {
	var (
		e       Event
		data    []byte
		hasData bool
	)
	for {
		line, err := s.lines.Next()
		if !s.begun {
			s.begun = true
			line = bytes.TrimPrefix(line, []byte("\uFEFF"))
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return Event{}, err
		}
		field, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(field) {
		case "event":
			e.Name = Text(value)
		case "id":
			if bytes.IndexByte(value, 0) < 0 {
				s.id = Text(value)
			}
		case "data":
			if len(data)+len(value) >= s.lines.limit {
				return Event{}, tooLarge("an event", s.lines.limit)
			}
			if hasData {
				data = append(data, '\n')
			}
			data, hasData = append(data, value...), true
		}
		if len(line) == 0 || err != nil {
			if hasData {
				e.ID, e.Data, e.Cut = s.id, s.chars.text(data), err != nil
				return e, nil
			}
			e = Event{}
		}
		if err != nil {
			return Event{}, err
		}
	}
}

// Text is b with invalid UTF-8 replaced.
func Text(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return strings.ToValidUTF8(string(b), "\uFFFD")
}
