package egress

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"mime"
	"net"
	"net/http"
	"slices"
	"syscall"
	"time"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/wit"
)

// errSilent is the cause that a context is cancelled with when nothing has come for too long. It is told apart
// from a caller who gave up.
var errSilent = errors.New("the other side stays silent")

// headersOf returns a response's headers sorted by name, so that a plugin sees the same order each time; those
// beyond maxHeaders are left out.
func headersOf(h http.Header) []wit.Header {
	var out []wit.Header
	for _, name := range slices.Sorted(maps.Keys(h)) {
		for _, value := range h[name] {
			if len(out) == maxHeaders {
				return out
			}
			out = append(out, wit.Header{Name: name, Value: value})
		}
	}
	return out
}

// readBody puts the response's body where it belongs: text, bytes, or a media file.
// A plugin gets text of up to Limits.Response bytes and other data of up to inlineBytes, since bytes grow by a
// third on the way into a guest. What is larger it gets as a reference to a media file, of which no more than
// Limits.Response bytes are in memory here.
func (c *Client) readBody(ctx context.Context, res *http.Response, out *wit.HTTPResponse) error {
	data, err := io.ReadAll(io.LimitReader(res.Body, c.limits.Response+1))
	if err != nil {
		return err
	}
	fits := int64(len(data)) <= c.limits.Response
	switch {
	case len(data) == 0:
	case fits && utf8.Valid(data):
		out.Text = new(string(data))
	case fits && len(data) <= inlineBytes:
		out.Bytes = data
	case c.media == nil:
		return wit.Errorf(wit.CodeTooLarge, "http: the response has more bytes than can be returned: at most %d of text, %d of other data", c.limits.Response, inlineBytes)
	default:
		info := wit.MediaInfo{Mime: res.Header.Get("Content-Type")}
		_, params, _ := mime.ParseMediaType(res.Header.Get("Content-Disposition"))
		if name := params["filename"]; name != "" {
			info.Name = &name
		}
		id, err := c.media.Store(ctx, info, io.MultiReader(bytes.NewReader(data), res.Body))
		if err != nil {
			return err
		}
		out.Media = &id
	}
	return nil
}

// coded gives a failure of the network a code, and a text without addresses or urls.
// Urls hold paths, and these may hold credentials; addresses would tell a plugin about the network that it is in.
func coded(ctx context.Context, m *message, err error) error {
	var own *wit.Error
	var timeout net.Error
	switch {
	case errors.As(err, &own):
		return err
	case errors.Is(context.Cause(ctx), errSilent), errors.Is(ctx.Err(), context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return wit.NewError(wit.CodeTimeout, "http: "+m.shown+" did not answer in time")
	case ctx.Err() != nil:
		return wit.NewError(wit.CodeUnavailable, "http: the request to "+m.shown+" was cancelled")
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return wit.NewError(wit.CodeUnavailable, "http: the response of "+m.shown+" broke off")
	}
	if refused := syscall.Errno(0); errors.As(err, &refused) {
		err = refused // without the address around it
	}
	if errors.Is(err, io.EOF) {
		err = errors.New("it closed the connection without an answer")
	}
	return wit.Errorf(wit.CodeUnavailable, "http: %s cannot be reached: %w", m.shown, err)
}

// idleBody is a streamed body that ends when nothing comes for a while.
// Closing it, also twice, releases the connection and the context. The timer runs also while nobody reads, so a
// reader that stops reading loses the stream.
type idleBody struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	idle   time.Duration
	body   io.ReadCloser
	m      *message
}

func (b *idleBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	switch {
	case err == nil:
		b.timer.Reset(b.idle)
	case err != io.EOF:
		err = b.m.scrub(coded(b.ctx, b.m, err))
	}
	return n, err
}

func (b *idleBody) Close() error {
	b.timer.Stop()
	b.cancel(nil)
	return b.body.Close()
}
