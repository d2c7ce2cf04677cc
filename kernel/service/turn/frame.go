package turn

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/wit"
)

// Bounds of what a provider sends, in bytes.
const (
	maxFrame = 1 << 20 // an SSE event or a line
	maxBody  = 8 << 20 // a body that is one JSON value, or all of a stream
)

// frame is one piece of a response: an SSE event, a line, or the whole body.
type frame struct {
	name string // of an SSE event
	data string
}

// framer cuts a response into frames. Next returns io.EOF after the last one; CodeTooLarge for a frame
// over the bounds; else the body's error. Invalid UTF-8 is replaced.
type framer interface {
	Next() (frame, error)
}

func newFramer(f wit.Framing, body io.Reader) framer {
	body = &bounded{r: body, left: maxBody}
	switch f {
	case wit.FramingNDJSON:
		return &lineFramer{lines{r: bufio.NewReaderSize(body, 4096)}}
	case wit.FramingJSON:
		return &bodyFramer{r: body}
	}
	return &sseFramer{lines: lines{r: bufio.NewReaderSize(body, 4096)}}
}

// bounded fails when more is read than fits.
type bounded struct {
	r    io.Reader
	left int
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errFrame("all of a response", maxBody)
	}
	n, err := b.r.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

func errFrame(what string, limit int) error {
	return wit.Errorf(wit.CodeTooLarge, "the provider sends too much: %s has more than %d bytes", what, limit)
}

// lines reads lines that end in \n, \r\n or \r.
type lines struct {
	r  *bufio.Reader
	cr bool // the last line ended in \r: a \n that follows belongs to it
}

// next returns a line without its end. At the end of the body it returns what there is with io.EOF.
func (l *lines) next() ([]byte, error) {
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
		if len(line)+end > maxFrame {
			return nil, errFrame("a line", maxFrame)
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

// sseFramer reads text/event-stream: events of event and data fields, ended by an empty line.
type sseFramer struct {
	lines lines
	begun bool
}

func (s *sseFramer) Next() (frame, error) {
	var (
		f       frame
		data    []byte
		hasData bool
	)
	for {
		line, err := s.lines.next()
		if !s.begun {
			s.begun = true
			line = bytes.TrimPrefix(line, []byte("\uFEFF"))
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return frame{}, err
		}
		field, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(field) {
		case "event":
			f.name = text(value)
		case "data":
			if len(data)+len(value) >= maxFrame {
				return frame{}, errFrame("an event", maxFrame)
			}
			if hasData {
				data = append(data, '\n')
			}
			data, hasData = append(data, value...), true
		}
		// An event that the end of the body cuts off is given too: some servers leave out the last
		// empty line.
		if len(line) == 0 || err != nil {
			if hasData {
				f.data = text(data)
				return f, nil
			}
			f = frame{}
		}
		if err != nil {
			return frame{}, err
		}
	}
}

// lineFramer reads lines and passes over empty ones.
type lineFramer struct{ lines lines }

func (l *lineFramer) Next() (frame, error) {
	for {
		line, err := l.lines.next()
		if err != nil && !errors.Is(err, io.EOF) {
			return frame{}, err
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			return frame{data: text(line)}, nil
		}
		if err != nil {
			return frame{}, err
		}
	}
}

// bodyFramer gives the whole body as one frame, also an empty one.
type bodyFramer struct {
	r    io.Reader
	done bool
}

func (b *bodyFramer) Next() (frame, error) {
	if b.done {
		return frame{}, io.EOF
	}
	b.done = true
	all, err := io.ReadAll(b.r)
	if err != nil {
		return frame{}, err
	}
	return frame{data: text(all)}, nil
}

func text(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return strings.ToValidUTF8(string(b), "\uFFFD")
}
