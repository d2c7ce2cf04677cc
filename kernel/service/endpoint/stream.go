package endpoint

import (
	"bytes"
	"encoding/json"
	"net/http"
	"time"
)

// patience is how long a reader may take for what is written to it.
const patience = 30 * time.Second

// Stream is an answer of server-sent events. What is added goes out with the next Flush.
type Stream struct {
	w   http.ResponseWriter
	ctl *http.ResponseController
	buf bytes.Buffer
}

// NewStream begins the answer, with status 200.
func NewStream(w http.ResponseWriter) *Stream {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // a proxy that gathers answers is to pass this one on as it comes
	w.WriteHeader(http.StatusOK)
	return &Stream{w: w, ctl: http.NewResponseController(w)}
}

// Event adds an event whose data is a JSON value; name may be empty.
func (s *Stream) Event(name string, data any) {
	text, err := json.Marshal(data)
	if err != nil {
		return // all that is streamed is of types that have JSON
	}
	s.Data(name, string(text))
}

// Data adds an event whose data is one line of text.
func (s *Stream) Data(name, line string) {
	if name != "" {
		s.buf.WriteString("event: " + name + "\n")
	}
	s.buf.WriteString("data: " + line + "\n\n")
}

// Comment adds what readers pass over, so that a proxy sees that the answer goes on.
func (s *Stream) Comment() { s.buf.WriteString(":\n\n") }

// Flush sends what was added, in one piece. An error means that the reader is gone, or does not read.
func (s *Stream) Flush() error {
	_ = s.ctl.SetWriteDeadline(time.Now().Add(patience)) // not every writer can
	_, err := s.buf.WriteTo(s.w)
	if err == nil {
		err = s.ctl.Flush()
	}
	return err
}
