package gateway

import (
	"io"
	"net/http"
	"strconv"
	"time"
)

// How long, and for how many bytes, a client is heard that is still sending what nobody reads any more.
const (
	lingerTime  = 2 * time.Second
	lingerBytes = 64 << 20
)

// lingering hands out the answer to a client that asked for the connection to be closed, and takes what it is still
// sending: net/http would close at once, and a connection that is closed with bytes unread is reset, most often before
// the client has read why it was refused. Where the connection stays, net/http sees to it itself.
func lingering(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !r.Close || r.ContentLength == 0 {
			next.ServeHTTP(w, r)
			return
		}
		body, whole := &sent{ReadCloser: r.Body}, &held{ResponseWriter: w}
		r.Body = body
		next.ServeHTTP(whole, r)
		if whole.finish(r.Method); body.over {
			return
		}
		ctl := http.NewResponseController(w)
		if ctl.SetReadDeadline(time.Now().Add(lingerTime)) == nil && ctl.Flush() == nil {
			_, _ = io.CopyN(io.Discard, body, lingerBytes)
		}
	})
}

// sent is a request's body that knows whether all of it was read.
type sent struct {
	io.ReadCloser
	over bool
}

// Read implements io.Reader.
func (b *sent) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.over = b.over || err == io.EOF
	return n, err
}

// maxHeld is how long an answer may be that is given its length.
const maxHeld = 4 << 10

// held keeps a short answer back until it is whole, so that it goes out with its length: who has all of it waits for nothing more.
type held struct {
	http.ResponseWriter
	status int
	text   []byte
	open   bool // nothing is kept back any more
}

// WriteHeader implements http.ResponseWriter.
func (h *held) WriteHeader(status int) {
	switch {
	case h.open || status < 200:
		h.ResponseWriter.WriteHeader(status)
	case h.status == 0:
		h.status = status
	}
}

// Write implements http.ResponseWriter.
func (h *held) Write(p []byte) (int, error) {
	if !h.open && len(h.text)+len(p) <= maxHeld {
		h.text = append(h.text, p...)
		return len(p), nil
	}
	if err := h.release(); err != nil {
		return 0, err
	}
	return h.ResponseWriter.Write(p)
}

// FlushError is for http.ResponseController.
func (h *held) FlushError() error {
	if err := h.release(); err != nil {
		return err
	}
	return http.NewResponseController(h.ResponseWriter).Flush()
}

// Unwrap lets http.ResponseController reach what is below.
func (h *held) Unwrap() http.ResponseWriter { return h.ResponseWriter }

// release hands out what was kept back.
func (h *held) release() (err error) {
	if h.open {
		return nil
	}
	h.open = true
	if h.status != 0 {
		h.ResponseWriter.WriteHeader(h.status)
	}
	if len(h.text) > 0 {
		_, err = h.ResponseWriter.Write(h.text)
	}
	return err
}

// finish hands out an answer that is whole.
func (h *held) finish(method string) {
	if !h.open && method != http.MethodHead && h.Header().Get("Content-Length") == "" && (len(h.text) > 0 || h.status >= 300) && h.status != http.StatusNotModified {
		h.Header().Set("Content-Length", strconv.Itoa(len(h.text)))
	}
	_ = h.release() // what is not taken any more is nobody's loss
}
