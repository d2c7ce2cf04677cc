package egress

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/kernel/leak"
	"github.com/carapace-gateway/carapace/wit"
)

// Bounds of a frame, either way.
const (
	maxFrame     = wit.LimitHTTPFrameBytes
	writeTimeout = 30 * time.Second
)

// Conn is an open connection. One Read and one Write may run at the same time. It ends with the context
// that it was opened with, with Close, and with the first error of Read or Write.
type Conn struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	m      *message
	creds  Credentials
	leaks  func(owner, where, text string) error // the client's
	media  Media                                 // the client's
	wire   wire
	asked  *url.URL // what was opened, before any redirect
	// clear says that everybody on the way can read along.
	clear bool

	mu   sync.Mutex
	sent []string // echoes of the credentials in frames, the latest last
}

// wire is a transport. Its close makes a read or write that waits return, and may come twice.
type wire interface {
	read() (wit.Frame, error)
	// write sends one of text and bytes, of at most maxFrame.
	write(ctx context.Context, f *wit.Frame) error
	close()
}

// ClosedError is how the other side ended a connection.
type ClosedError struct{ wit.Closed }

func (e *ClosedError) Error() string { return "closed by the other side: " + e.Reason }

// newTimer ends a connection by cancelling its context with errSilent, which coded turns into a timeout.
func newTimer(d time.Duration, cancel context.CancelCauseFunc) *time.Timer {
	return time.AfterFunc(d, func() { cancel(errSilent) })
}

// Read returns the next frame; its connection is left empty. Errors: a *ClosedError when the other side
// has ended the connection; CodeTooLarge for a frame over the bounds; CodeTimeout after a silence;
// CodeUnavailable when the connection broke or was closed here.
func (c *Conn) Read() (wit.Frame, error) {
	f, err := c.wire.read()
	if err == nil {
		clean(&f, c.echoes())
		return f, nil
	}
	defer c.Close()
	closed := (*ClosedError)(nil)
	switch {
	case c.ctx.Err() == nil && errors.As(err, &closed):
		closed.Reason = redact(closed.Reason, c.echoes())
		return wit.Frame{}, closed
	case c.ctx.Err() == nil && errors.Is(err, io.EOF):
		return wit.Frame{}, &ClosedError{wit.Closed{Reason: "the end of the stream"}}
	}
	return wit.Frame{}, c.failed(err)
}

// Write sends a frame, filled in with credentials, in base64 and put together of its parts where it asks for it. Errors:
// CodeInvalid for a frame that the transport has no form for; CodeTooLarge; CodeForbidden and CodeNotFound for a credential or a file;
// CodeTimeout and CodeUnavailable when the other side does not take it.
func (c *Conn) Write(f wit.Frame) error {
	fresh := &message{shown: c.m.shown} // a frame's secrets are kept to be removed from what comes back
	err := c.leaked(&f)
	switch {
	case err != nil:
	case len(f.Parts) > 0:
		err = c.assemble(&f, fresh)
	default:
		err = c.fill(&f, fresh)
	}
	c.expect(fresh.echoes)
	if f.Base64 && f.Text != nil {
		f.Text = new(base64.StdEncoding.EncodeToString([]byte(*f.Text)))
	}
	switch {
	case err != nil:
	case f.Text != nil && len(f.Bytes) > 0:
		err = wit.NewError(wit.CodeInvalid, "http: a frame has text or bytes: one of them")
	case f.Text != nil && len(*f.Text) > maxFrame || len(f.Bytes) > maxFrame:
		err = wit.Errorf(wit.CodeTooLarge, "http: a frame of more than %d bytes is not sent", maxFrame)
	default:
		ctx, cancel := context.WithTimeout(c.ctx, writeTimeout)
		defer cancel()
		if err = c.wire.write(ctx, &f); err != nil {
			err = coded(ctx, c.m, err)
		}
	}
	if err == nil {
		return nil
	}
	c.Close()
	return fresh.scrub(c.failed(err))
}

// Secure goes on encrypted, on a tcp connection whose other side has agreed to it, and checks that it is the host of the
// url. No Read or Write may run meanwhile. It takes at most Limits.Connect. Errors: CodeInvalid for a connection that
// cannot be secured; CodeUnavailable and CodeTimeout, after which the connection is closed.
func (c *Conn) Secure() error {
	s, ok := c.wire.(*socket)
	err := error(wit.NewError(wit.CodeInvalid, "http: only a tcp connection can go on encrypted"))
	if ok {
		ctx, cancel := context.WithTimeout(c.ctx, s.client.limits.Connect)
		defer cancel()
		if err = s.secure(ctx, c.asked.Hostname()); err != nil {
			err = coded(ctx, c.m, err)
		}
	}
	if err != nil {
		c.Close()
		return c.failed(err)
	}
	c.clear = false
	return nil
}

// maxExpected is how many echoes of frames are looked for: those of the last credentials.
const maxExpected = 16 * maxFilled

// expect notes what the other side may say back.
func (c *Conn) expect(forms []string) {
	if len(forms) == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent = slices.DeleteFunc(c.sent, func(form string) bool { return slices.Contains(forms, form) })
	c.sent = append(c.sent, forms...)
	c.sent = slices.Clone(c.sent[max(len(c.sent)-maxExpected, 0):])
}

// echoes are those of the credentials that opened the connection and of those in frames.
func (c *Conn) echoes() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Concat(c.m.echoes, c.sent)
}

// clean removes echoes from a frame.
func clean(f *wit.Frame, forms []string) {
	if len(forms) == 0 {
		return
	}
	for _, text := range []*string{f.Text, f.Event, f.ID} {
		if text != nil {
			*text = redact(*text, forms)
		}
	}
	f.Bytes = []byte(redact(string(f.Bytes), forms))
}

// failed gives an error of the wire its code. After Close, or the end of the context, whatever the wire says is
// only a consequence of that.
func (c *Conn) failed(err error) error {
	if own := (*wit.Error)(nil); c.ctx.Err() != nil && !errors.Is(context.Cause(c.ctx), errSilent) && !errors.As(err, &own) {
		return wit.NewError(wit.CodeUnavailable, "http: the connection to "+c.m.shown+" was closed here")
	}
	return c.m.scrub(coded(c.ctx, c.m, err))
}

// fill puts credentials into a frame. A text that is JSON gets them as the inside of a JSON string. On a
// connection that is not encrypted and not to the owner's own network no credential is sent.
func (c *Conn) fill(f *wit.Frame, m *message) error {
	if !f.Fill || f.Text == nil {
		return nil
	}
	escape := verbatim
	if json.Valid([]byte(*f.Text)) {
		escape = leak.InJSON
	}
	text, err := c.filled(newFiller(c.creds, m, maxFrame), *f.Text, escape)
	f.Text = &text
	return err
}

// filled is a text with its credentials, where they may be sent.
func (c *Conn) filled(by *filler, text string, escape escaping) (string, error) {
	text, secret, err := by.text(text, escape)
	if secret && c.clear {
		err = wit.Errorf(wit.CodeForbidden, "http: a credential is not sent to %s by plain tcp: use tls", c.m.shown)
	}
	return text, err
}

// Close ends the connection at once and without a closing handshake, since what can be resumed later lives on
// only where none was made. A Read or Write that waits returns. It may be called more than once.
func (c *Conn) Close() error {
	c.cancel(nil)
	return nil
}

// Permitted returns nil when p would permit to open the connection, or CodeForbidden.
// It is asked again when a plugin's permissions have changed: connections that are no longer permitted are to be
// closed by whoever asks.
func (c *Conn) Permitted(p Policy) error {
	check := func() (route, error) { return p.allow("GET", c.asked, true) }
	if c.asked.Scheme == "tcp" || c.asked.Scheme == "tls" {
		check = func() (route, error) { return p.allowRaw(c.asked) }
	}
	_, err := check()
	if err == nil && c.m.policy.Files && !p.Files {
		err = wit.NewError(wit.CodeForbidden, "http: files may not be sent any more")
	}
	return c.m.scrub(err)
}

// OnClose has fn called once the connection has ended and its descriptor is free.
func (c *Conn) OnClose(fn func()) {
	context.AfterFunc(c.ctx, func() {
		c.wire.close()
		fn()
	})
}

// splitScheme cuts a url where its scheme ends.
func splitScheme(raw string) (scheme, rest string) {
	scheme, rest, _ = strings.Cut(raw, "://")
	return strings.ToLower(scheme), rest
}
