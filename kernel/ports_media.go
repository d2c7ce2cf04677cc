package kernel

import (
	"context"
	"strings"
	"time"

	store "github.com/carapace-gateway/carapace/kernel/media"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
	"github.com/carapace-gateway/carapace/kernel/service/media"
	"github.com/carapace-gateway/carapace/kernel/service/system"
	"github.com/carapace-gateway/carapace/wit"
)

// clientFiles is the view of the media store of those to whom clients give files, also by their addresses.
type clientFiles struct {
	*store.Store
	web *media.Service // nil fetches nothing
}

// FetchURL implements chat.Media, and the like of it for programs that speak HTTP.
func (a clientFiles) FetchURL(ctx context.Context, address string, most int64, types ...string) (id, mimeType string, err error) {
	if a.web == nil {
		return "", "", wit.NewError(wit.CodeUnavailable, "this gateway fetches no files from the web: send the file itself")
	}
	return a.web.FetchURL(ctx, address, most, types...)
}

// mediaLinks are where clients load files, nil where none are served.
func (w *wiring) mediaLinks() chat.Links {
	if w.web == nil {
		return nil
	}
	return w.links
}

// mediaLink is where anybody may read a file for a while, for plugins.
func (w *wiring) mediaLink(id string, within time.Duration) (string, error) {
	root := strings.TrimRight(w.settings.Config().Gateway.PublicURL, "/")
	switch {
	case w.web == nil:
		return "", wit.NewError(wit.CodeForbidden, "this gateway serves no files")
	case root == "":
		return "", wit.NewError(wit.CodeForbidden, "the platform has to fetch the file, and the gateway does not know by which address it is reached: set gateway.publicUrl")
	}
	return root + w.links.For(id, within), nil
}

// mediaShare is what files take, for status.
func (w *wiring) mediaShare(ctx context.Context) (*system.Media, error) {
	if w.web == nil {
		return nil, nil
	}
	s, err := w.web.Share(ctx)
	return &system.Media{Files: s.Count, Bytes: s.Bytes, MaxBytes: s.MaxBytes}, err
}
