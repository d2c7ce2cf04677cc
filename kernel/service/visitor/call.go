package visitor

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/kernel/rate"
	"github.com/carapace-gateway/carapace/wit"
)

// callWait bounds the time until a call is answered.
const callWait = 25 * time.Second

// maxFiles is how many files may come with a call.
const maxFiles = 8

// formBytes is what a form may have around its parts.
const formBytes = 64 << 10

// call hands a visitor's call to the plugin. Its body is JSON, or a form whose field `call` is JSON and whose files follow it.
func (s *Service) call(w http.ResponseWriter, r *http.Request, p *place, v visit, path string) error {
	address, whole := s.Address(r), p.channel+"/"+p.account
	for name, limit := range map[string]rate.Limit{
		of("call", address): callsOfAddress, "call " + whole: callsOfAccount,
		"call " + v.key(): {PerSecond: float64(p.rate) / 60, Burst: max(p.rate/2, 1)},
	} {
		if err := s.limits.take(name, limit); err != nil {
			return err
		}
	}
	leave, err := s.limits.enter(share{of("calls", address), callsFromOne}, share{"calls " + whole, callsAtOnce})
	if err != nil {
		return err
	}
	defer leave()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), bodyTime+callWait)
	defer cancel()
	text, files, err := s.body(ctx, w, r, p)
	if err != nil {
		return err
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // not every writer can
	ctx, cancel = context.WithTimeout(ctx, callWait)
	defer cancel()
	reply, err := s.Accounts.Visit(ctx, p.channel, p.account, &wit.WebhookRequest{
		Method: http.MethodPost, Path: path, Text: &text, Visitor: &wit.Visitor{ID: v.visitor, Files: files},
	})
	if err != nil {
		s.log.Debug("a visitor's call was not handled", "channel", p.channel, "account", p.account, "error", err)
		return wit.ErrorAfter(wit.CodeUnavailable, 2*time.Second, "this cannot be taken now: try again")
	}
	respond(w, reply)
	return nil
}

// bodyTime is how long a call may take to arrive; the gateway ends the reading itself after as long.
const bodyTime = time.Minute

// respond writes a plugin's reply, which is JSON for the page's script.
func respond(w http.ResponseWriter, reply *wit.WebhookReply) {
	if reply == nil {
		reply = &wit.WebhookReply{}
	}
	status, body := int(reply.Status), []byte("{}")
	if status < 200 || status > 599 || status == http.StatusUnauthorized {
		status = http.StatusOK
	}
	if reply.Text != nil {
		body = []byte(*reply.Text)
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	w.WriteHeader(status)
	_, _ = w.Write(body) // the browser may be gone; what the call was for is done
}

// body reads a call and keeps its files. Errors: CodeInvalid, CodeTooLarge; the store's.
func (s *Service) body(ctx context.Context, w http.ResponseWriter, r *http.Request, p *place) (text string, files []wit.Attachment, err error) {
	most := int64(p.facts.MaxBody)
	if most == 0 {
		most = 64 << 10
	}
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch kind {
	case "application/json":
		text, err = utf8Text(http.MaxBytesReader(w, r.Body, most))
		return text, nil, err
	case "multipart/form-data":
	default:
		return "", nil, wit.NewError(wit.CodeInvalid, "send JSON, or a form with files")
	}
	if p.facts.MaxFile == 0 {
		return "", nil, wit.NewError(wit.CodeForbidden, "no files are taken here")
	}
	r.Body = http.MaxBytesReader(w, r.Body, most+maxFiles*int64(p.facts.MaxFile)+formBytes)
	form, err := r.MultipartReader()
	if err != nil {
		return "", nil, wit.NewError(wit.CodeInvalid, "the form cannot be read: send multipart/form-data with a boundary")
	}
	first, err := form.NextPart()
	if err != nil || first.FormName() != "call" || first.FileName() != "" {
		return "", nil, wit.NewError(wit.CodeInvalid, "the form has no field call before its files")
	}
	if text, err = utf8Text(http.MaxBytesReader(nil, first, most)); err != nil {
		return "", nil, err
	}
	for {
		part, err := form.NextPart()
		if errors.Is(err, io.EOF) {
			return text, files, nil
		}
		if err != nil {
			return "", nil, arrived(err)
		}
		if len(files) == maxFiles {
			return "", nil, wit.Errorf(wit.CodeTooLarge, "a message has at most %d files", maxFiles)
		}
		a, err := s.Files.Keep(ctx, part.Header.Get("Content-Type"), part.FileName(), part, int64(p.facts.MaxFile))
		if err != nil {
			return "", nil, arrived(err)
		}
		files = append(files, a)
	}
}

// utf8Text reads all of a text.
func utf8Text(from io.Reader) (string, error) {
	b, err := io.ReadAll(from)
	if err != nil {
		return "", arrived(err)
	}
	if !utf8.Valid(b) {
		return "", wit.NewError(wit.CodeInvalid, "what is sent is not UTF-8")
	}
	return string(b), nil
}

// arrived is why a body cannot be read.
func arrived(err error) error {
	if large := (*http.MaxBytesError)(nil); errors.As(err, &large) {
		return wit.Errorf(wit.CodeTooLarge, "this is more than the %d bytes that are taken", large.Limit)
	}
	if code := wit.CodeOf(err); code == wit.CodeTooLarge || code == wit.CodeInvalid {
		return err
	}
	return wit.NewError(wit.CodeInvalid, "this did not arrive in time and whole: send it again")
}

// Files is the media store, as visitors use it.
type Files interface {
	// Keep stores a file of at most so many bytes. What it is, its content says. Errors: CodeTooLarge, CodeInvalid for a type that is not taken or nothing at all.
	Keep(ctx context.Context, mime, name string, body io.Reader, most int64) (wit.Attachment, error)
	// Serve answers with a file, so that a browser takes it for no page and no script.
	Serve(w http.ResponseWriter, r *http.Request, id string) error
}

// pushed answers with a file that was pushed to the visit.
func (s *Service) pushed(w http.ResponseWriter, r *http.Request, v visit, id string) error {
	if err := s.limits.take(of("load", s.Address(r)), loadsOfAddress); err != nil {
		return err
	}
	held, err := s.Visits.holds(r.Context(), v.key(), id)
	if err != nil {
		return err
	}
	if !held {
		return wit.NewError(wit.CodeNotFound, "there is no such file (any more)")
	}
	return s.Files.Serve(w, r, id)
}
