package egress

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/leak"
	"github.com/carapace-gateway/carapace/wit"
)

// body is what a request carries: pieces that are sent one after the other, again at each redirect
// that keeps the method. A nil body is none.
type body struct {
	pieces      []piece
	size        int64
	contentType string // where the request has none of its own, and of multipart in any case
	secret      bool
	media       Media
}

// piece is bytes, or a media file. size is what is sent of it; of a file that is sent in base64, raw is its own.
type piece struct {
	data      []byte
	media     string
	size, raw int64
}

// newBody makes a request's body and fills in its credentials. Media files are counted and not read: they are
// opened for each hop, so an upload of Limits.Upload bytes does not pass through memory.
func (c *Client) newBody(ctx context.Context, f *filler, req *wit.HTTPRequest) (*body, error) {
	b := &body{media: c.media}
	text, written := words(req)
	switch {
	case several(req):
		return nil, wit.NewError(wit.CodeInvalid, "http: a request has parts, text, json, bytes or media: one of them")
	case len(req.Parts) > 0:
		if err := c.multipart(ctx, f, b, req); err != nil {
			return nil, err
		}
	case written:
		if req.JSON != nil && !typed(req.Headers) {
			b.contentType = "application/json"
		}
		if req.Fill {
			escape := leak.InJSON
			if req.JSON == nil {
				escape = escapingFor(req.Headers)
			}
			var err error
			if text, b.secret, err = f.text(text, escape); err != nil {
				return nil, err
			}
		}
		if err := c.embed(ctx, b, text, req.Embed); err != nil {
			return nil, err
		}
	case len(req.Bytes) > 0:
		b.add(req.Bytes)
	case req.Media != nil:
		if err := c.whole(ctx, b, req); err != nil {
			return nil, err
		}
	default:
		return nil, nil
	}
	// The smaller bound is for what is held in memory, the larger one for all that is sent.
	plain := int64(0)
	for _, p := range b.pieces {
		plain += int64(len(p.data))
	}
	if plain > c.limits.Request || b.size > c.limits.Upload {
		return nil, wit.Errorf(wit.CodeTooLarge, "http: the request has %d bytes, more than is sent: at most %d, and %d with media files", b.size, c.limits.Request, c.limits.Upload)
	}
	return b, nil
}

// several reports whether a request has more bodies than one.
func several(req *wit.HTTPRequest) bool {
	n := 0
	for _, has := range [...]bool{len(req.Parts) > 0, req.Text != nil, req.JSON != nil, len(req.Bytes) > 0, req.Media != nil} {
		if has {
			n++
		}
	}
	return n > 1
}

// words returns the body that is text, or JSON.
func words(req *wit.HTTPRequest) (text string, ok bool) {
	if req.JSON != nil {
		return string(req.JSON), true
	}
	if req.Text != nil {
		return *req.Text, true
	}
	return "", false
}

// typed reports whether headers say what a body is.
func typed(headers []wit.Header) bool {
	return slices.ContainsFunc(headers, func(h wit.Header) bool { return strings.EqualFold(h.Name, "Content-Type") })
}

// escapingFor chooses how a secret is written into a text of the declared type.
// A secret with a quote in it would otherwise end a JSON string, or add a field to a form.
func escapingFor(headers []wit.Header) escaping {
	for _, h := range headers {
		if !strings.EqualFold(h.Name, "Content-Type") {
			continue
		}
		kind, _, _ := strings.Cut(strings.ToLower(h.Value), ";")
		switch kind = strings.TrimSpace(kind); {
		case kind == "application/json" || strings.HasSuffix(kind, "+json"):
			return leak.InJSON
		case kind == "application/x-www-form-urlencoded":
			return url.QueryEscape
		}
	}
	return verbatim
}

// add appends bytes, which become the body's.
func (b *body) add(data []byte) {
	b.pieces = append(b.pieces, piece{data: data, size: int64(len(data))})
	b.size += int64(len(data))
}

// multipart writes the parts into pieces. What stands between two files is collected in one buffer and becomes a
// piece when a file follows; the writer sees nothing of the files, only where their bytes would go.
func (c *Client) multipart(ctx context.Context, f *filler, b *body, req *wit.HTTPRequest) error {
	parts := req.Parts
	if len(parts) > maxParts {
		return wit.Errorf(wit.CodeTooLarge, "http: %d parts, at most %d are sent", len(parts), maxParts)
	}
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	flush := func() {
		b.add(bytes.Clone(buf.Bytes()))
		buf.Reset()
	}
	for i := range parts {
		part := &parts[i]
		head, file, err := c.partHead(ctx, part)
		if err != nil {
			return err
		}
		out, _ := w.CreatePart(head) // a bytes.Buffer takes all
		switch {
		case file != nil:
			flush()
			b.pieces = append(b.pieces, piece{media: file.Media, size: file.Size})
			b.size += file.Size
		case part.Text != nil:
			text := *part.Text
			if req.Fill {
				filled, secret, err := f.text(text, verbatim)
				if err != nil {
					return err
				}
				text, b.secret = filled, b.secret || secret
			}
			_, _ = io.WriteString(out, text)
		default:
			_, _ = out.Write(part.Bytes)
		}
	}
	_ = w.Close()
	flush()
	b.contentType = w.FormDataContentType()
	return nil
}

// whole makes a media file the body.
func (c *Client) whole(ctx context.Context, b *body, req *wit.HTTPRequest) error {
	info, err := c.stat(ctx, *req.Media)
	if err != nil {
		return err
	}
	if !typed(req.Headers) {
		b.contentType = cmp.Or(strings.Map(dropControl, info.Mime), "application/octet-stream")
	}
	b.pieces = append(b.pieces, piece{media: *req.Media, size: info.Size})
	b.size += info.Size
	return nil
}

// partHead returns the part's header and, for a media file, what is known of it.
func (c *Client) partHead(ctx context.Context, part *wit.HTTPPart) (textproto.MIMEHeader, *wit.MediaInfo, error) {
	fileName, contentType := part.FileName, part.ContentType
	var file *wit.MediaInfo
	if part.Media != nil {
		info, err := c.stat(ctx, *part.Media)
		if err != nil {
			return nil, nil, err
		}
		info.Media, file = *part.Media, &info
		if fileName == nil {
			fileName = new("file")
			if info.Name != nil {
				fileName = info.Name
			}
		}
		if contentType == nil && info.Mime != "" {
			contentType = &info.Mime
		}
	}
	disposition := `form-data; name="` + quoted(part.Name) + `"`
	if fileName != nil {
		disposition += `; filename="` + quoted(*fileName) + `"`
	}
	head := textproto.MIMEHeader{"Content-Disposition": {disposition}}
	if contentType != nil {
		head.Set("Content-Type", strings.Map(dropControl, *contentType))
	} else if fileName != nil {
		head.Set("Content-Type", "application/octet-stream")
	}
	return head, file, nil
}

// stat describes a media file. It is opened to see that it is there before anything is sent, and closed again.
func (c *Client) stat(ctx context.Context, id string) (wit.MediaInfo, error) {
	if c.media == nil {
		return wit.MediaInfo{}, wit.NewError(wit.CodeUnavailable, "http: this gateway has no media store to send files from")
	}
	file, info, err := c.media.Open(ctx, id)
	if err != nil {
		return wit.MediaInfo{}, err
	}
	file.Close()
	return info, nil
}

// quoted makes a text fit between the quotes of a header's parameter, as browsers do.
func quoted(s string) string {
	return strings.NewReplacer("\\", "\\\\", `"`, "%22", "\r", "%0D", "\n", "%0A").Replace(s)
}

// dropControl keeps a plugin's text from ending a header's line.
func dropControl(c rune) rune {
	if c < ' ' || c == 0x7f {
		return -1
	}
	return c
}

// attach makes b the body of req.
// Length and GetBody are set, so that the body has no chunked encoding, which some servers refuse, and can be sent
// again on a connection that turned out to be closed.
func (b *body) attach(ctx context.Context, req *http.Request) error {
	if b == nil {
		return nil
	}
	if b.contentType != "" {
		req.Header.Set("Content-Type", b.contentType)
	}
	r, err := b.open(ctx)
	if err != nil {
		return err
	}
	req.Body, req.ContentLength = r, b.size
	req.GetBody = func() (io.ReadCloser, error) { return b.open(ctx) }
	return nil
}

// open returns the body from its beginning. A file is read to the size that was promised: had it grown, the
// request's length would be wrong.
func (b *body) open(ctx context.Context) (io.ReadCloser, error) {
	var readers []io.Reader
	out := &pieces{}
	for _, p := range b.pieces {
		if p.media == "" {
			readers = append(readers, bytes.NewReader(p.data))
			continue
		}
		file, _, err := b.media.Open(ctx, p.media)
		if err != nil {
			out.Close()
			return nil, err
		}
		out.files = append(out.files, file)
		if p.raw > 0 {
			readers = append(readers, &encoder{from: io.LimitReader(file, p.raw)})
		} else {
			readers = append(readers, io.LimitReader(file, p.size))
		}
	}
	out.Reader = io.MultiReader(readers...)
	return out, nil
}

// pieces is an open body. Close closes the files.
type pieces struct {
	io.Reader
	files []io.Closer
}

func (p *pieces) Close() error {
	for _, f := range p.files {
		f.Close()
	}
	return nil
}
