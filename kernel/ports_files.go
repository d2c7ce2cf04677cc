package kernel

import (
	"context"
	"io"

	"github.com/carapace-gateway/carapace/kernel/egress"
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

// Fetch implements agent.Files: the channel's plugin has said how the file is fetched, and it is under the plugin's
// permission, so to no other hosts than it may reach.
func (f files) Fetch(ctx context.Context, at message.Account, a *wit.Attachment) (string, error) {
	if a.Size != nil && *a.Size > maxAttachment {
		return "", tooLarge(maxAttachment)
	}
	c, err := f.registry.Channel(at.Channel)
	if err != nil {
		return "", err
	}
	res, err := c.Stream(ctx, at.ID, a.Fetch)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	if res.Status < 200 || res.Status > 299 {
		return "", statusError(res)
	}
	info := wit.MediaInfo{Name: a.Name}
	if a.Mime != nil {
		info.Mime = *a.Mime
	}
	return f.store.Store(ctx, info, newAtMost(res.Body, maxAttachment))
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

// atMost fails once more was read than fits, so that a part of a file is not taken for all of it.
type atMost struct {
	from       io.Reader
	most, left int64
}

func newAtMost(from io.Reader, most int64) *atMost { return &atMost{from, most, most} }

func (r *atMost) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	if r.left -= int64(n); r.left < 0 {
		return 0, tooLarge(r.most)
	}
	return n, err
}
