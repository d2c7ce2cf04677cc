package kernel

import (
	"context"
	"encoding/base64"
	"io"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/kernel/excerpt"
	"github.com/carapace-gateway/carapace/kernel/media"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/wit"
)

// maxAttachment is how large a file may be that somebody sends through a channel, in bytes. No more is read of one.
const maxAttachment = 25 << 20

// files is agent's view of the media store, and of the channels through which files come into it.
type files struct {
	registry *plugin.Registry
	store    *media.Store
}

// Stat implements agent.Files.
func (f files) Stat(ctx context.Context, id string) (wit.MediaInfo, error) {
	return f.store.Stat(ctx, id)
}

// Keep implements agent.Files.
func (f files) Keep(ctx context.Context, body io.Reader) (wit.MediaInfo, error) {
	id, err := f.store.Store(ctx, wit.MediaInfo{}, media.AtMost(body, wit.LimitProviderFileBytes))
	if err != nil {
		return wit.MediaInfo{}, err
	}
	return f.store.Stat(ctx, id)
}

// Head implements agent.Files.
func (f files) Head(ctx context.Context, id string, n int) ([]byte, error) {
	file, _, err := f.store.Open(ctx, id)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	head, err := io.ReadAll(io.LimitReader(file, int64(n)))
	if err != nil {
		return nil, wit.Errorf(wit.CodeUnavailable, "the file cannot be read: %w", err)
	}
	return head, nil
}

// Fetch implements agent.Files: the channel's plugin has said how the file is fetched, or fetches it itself, and it is under the
// plugin's permission, so to no other hosts than it may reach.
func (f files) Fetch(ctx context.Context, at message.Account, a *wit.Attachment) (string, error) {
	if a.Size != nil && *a.Size > maxAttachment {
		return "", tooLarge(maxAttachment)
	}
	c, err := f.registry.Channel(at.Channel)
	if err != nil {
		return "", err
	}
	if a.Locator != nil {
		return located(ctx, c, at.ID, a)
	}
	body, err := sentFile(ctx, c, at.ID, a)
	if err != nil {
		return "", err
	}
	defer body.Close()
	info := wit.MediaInfo{Name: a.Name}
	if a.Mime != nil {
		info.Mime = *a.Mime
	}
	return f.store.Store(ctx, info, media.AtMost(body, maxAttachment))
}

// located is the file that a channel's plugin gets itself, by its attachment's locator.
func located(ctx context.Context, c *plugin.Channel, account string, a *wit.Attachment) (string, error) {
	file, err := c.Fetch(ctx, &wit.FileQuery{Account: account, Locator: *a.Locator, Mime: a.Mime, Name: a.Name, Most: maxAttachment})
	if err != nil {
		return "", err
	}
	return file.Media, nil
}

// maxAddress bounds the address of a file that an answer has, in bytes.
const maxAddress = 16 << 10

// sentFile makes an attachment's request, and returns the file that comes of it. The caller closes it.
func sentFile(ctx context.Context, c *plugin.Channel, account string, a *wit.Attachment) (io.ReadCloser, error) {
	body, err := fileAnswer(ctx, c, account, a.Fetch)
	if err != nil || a.Excerpt == nil {
		return body, err
	}
	text, err := excerpt.Text(body, a.Excerpt.Field)
	if err != nil {
		_ = body.Close()
		return nil, err
	}
	if a.Excerpt.Form == wit.ExcerptFormBase64 {
		return decoded{base64.NewDecoder(base64.StdEncoding, text), body}, nil
	}
	defer body.Close()
	address, err := io.ReadAll(media.AtMost(text, maxAddress))
	if err != nil {
		return nil, wit.Errorf(wit.CodeOf(err), "the file's address cannot be read: %w", err)
	}
	return fileAnswer(ctx, c, account, &wit.HTTPRequest{
		ID: a.Fetch.ID, URL: unfilled(absolute(a.Fetch.URL, string(address))), Headers: a.Fetch.Headers, Timeout: a.Fetch.Timeout,
	})
}

// absolute is an address on the host of the one that has given it, where it names none itself.
func absolute(from, address string) string {
	if !strings.HasPrefix(address, "/") || strings.HasPrefix(address, "//") {
		return address
	}
	scheme, rest, _ := strings.Cut(from, "://")
	host, _, _ := strings.Cut(rest, "/")
	return scheme + "://" + host + address
}

// unfilled is an address in which nothing is a placeholder: somebody else has written it.
func unfilled(address string) string {
	return strings.NewReplacer("{", "%7B", "}", "%7D").Replace(address)
}

// decoded is a file that is decoded while it comes.
type decoded struct {
	io.Reader
	io.Closer
}

// inlineFile begins an address that is the file itself, in base64 (RFC 2397). It is nobody else's, so no permission is asked.
const inlineFile = "data:;base64,"

// fileAnswer is the body of a request's answer. The caller closes it.
func fileAnswer(ctx context.Context, c *plugin.Channel, account string, r *wit.HTTPRequest) (io.ReadCloser, error) {
	if data, inline := strings.CutPrefix(r.URL, inlineFile); inline {
		return io.NopCloser(base64.NewDecoder(base64.StdEncoding, strings.NewReader(data))), nil
	}
	res, err := c.Stream(ctx, account, r)
	if err != nil {
		return nil, err
	}
	if res.Status < 200 || res.Status > 299 {
		_ = res.Body.Close()
		return nil, statusError(res)
	}
	return res.Body, nil
}

// statusError says that a platform did not give a file, and whether it may do so later.
func statusError(res *egress.Response) error {
	code := wit.CodeNotFound
	if res.Status == 429 || res.Status >= 500 {
		code = wit.CodeUnavailable
	}
	return wit.Errorf(code, "the platform answered %d when the file was fetched", res.Status)
}

func tooLarge(most int64) error {
	return wit.Errorf(wit.CodeTooLarge, "the file has more than %d bytes", most)
}
