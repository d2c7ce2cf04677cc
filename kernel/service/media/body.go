package media

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// formBytes is what a form may have around its file.
const formBytes = 64 << 10

// uploadTime is how long an upload may take, however steadily it comes.
const uploadTime = 30 * time.Minute

// body finds the file in a request. It is read as it comes.
func body(w http.ResponseWriter, r *http.Request) (incoming, error) {
	steady := &steady{from: r.Body, ctl: http.NewResponseController(w), until: time.Now().Add(uploadTime)}
	r.Body = steady
	in := incoming{mime: r.Header.Get("Content-Type"), name: r.URL.Query().Get("name"), body: steady}
	kind, _, _ := mime.ParseMediaType(in.mime)
	if kind == "application/x-www-form-urlencoded" {
		in.mime = "" // what curl calls a body of which nobody says what it is
	}
	if kind != "multipart/form-data" {
		if _, params, err := mime.ParseMediaType(r.Header.Get("Content-Disposition")); err == nil && in.name == "" {
			in.name = params["filename"]
		}
		return in, nil
	}
	form, err := r.MultipartReader()
	if err != nil {
		return in, wit.NewError(wit.CodeInvalid, "the form cannot be read: send multipart/form-data with a boundary")
	}
	for range 100 {
		part, err := form.NextPart()
		if err != nil {
			break
		}
		if part.FileName() != "" {
			if in.name == "" {
				in.name = part.FileName()
			}
			in.mime, in.body = part.Header.Get("Content-Type"), whole{part}
			return in, nil
		}
	}
	return in, wit.NewError(wit.CodeInvalid, "the form has no file")
}

// steady is a body of which a piece comes every now and then.
type steady struct {
	from  io.ReadCloser
	ctl   *http.ResponseController
	until time.Time
}

func (s *steady) Read(p []byte) (int, error) {
	next := time.Now().Add(patience)
	if next.After(s.until) {
		next = s.until
	}
	_ = s.ctl.SetReadDeadline(next) // not every reader can
	return whole{s.from}.Read(p)
}

func (s *steady) Close() error { return s.from.Close() }

// whole is a file that a client sends; its errors say what the client can do.
type whole struct{ from io.Reader }

func (w whole) Read(p []byte) (int, error) {
	n, err := w.from.Read(p)
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		err = wit.Errorf(wit.CodeTooLarge, "the body may have %d bytes", large.Limit)
	} else if err != nil && !errors.Is(err, io.EOF) && wit.CodeOf(err) == wit.CodeInternal {
		err = wit.NewError(wit.CodeInvalid, "the body did not arrive in time and whole: send it again")
	}
	return n, err
}
