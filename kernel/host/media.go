package host

import (
	"context"

	"github.com/carapace-gateway/carapace/wit"
)

// Media describes files of the media store: CodeNotFound for one that is not there.
type Media interface {
	Stat(ctx context.Context, id string) (wit.MediaInfo, error)
}

// files tells plugins of the media store. An id is the hash of a file's content, so who can name one was given it:
// there is no list of whose file is whose.
type files struct {
	media Media // nil where there is none
}

// Stat is the guest's.
func (f files) Stat(ctx context.Context, ref *wit.MediaReference) (*wit.MediaInfo, error) {
	if f.media == nil {
		return nil, wit.NewError(wit.CodeUnavailable, "media: this gateway has no media store")
	}
	info, err := f.media.Stat(ctx, ref.Media)
	if err != nil {
		return nil, err
	}
	info.Media = ref.Media
	return &info, nil
}
