package host

import (
	"cmp"
	"context"
	"io"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// Media is the files of the media store: CodeNotFound for one that is not there.
type Media interface {
	Stat(ctx context.Context, id string) (wit.MediaInfo, error)
	// Open returns a file, which the caller closes, and what is known of it.
	Open(ctx context.Context, id string) (io.ReadCloser, wit.MediaInfo, error)
	// Store keeps all that body gives and returns its id. Of like, only Mime and Name are looked at. Errors: CodeTooLarge;
	// CodeInvalid for nothing at all; CodeUnavailable; CodeTimeout; body's, where they have a code.
	Store(ctx context.Context, like wit.MediaInfo, body io.Reader) (id string, err error)
}

// Link gives the address by which anybody may read a file for a while.
type Link func(id string, within time.Duration) (url string, err error)

// files tells plugins of the media store. An id is the hash of a file's content, so who can name one was given it:
// there is no list of whose file is whose.
type files struct {
	media Media // nil where there is none
	link  Link  // nil where none can be given
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

// errNoLinks is how a gateway is, and nothing that an author has to mend: plugins ask, and do without.
var errNoLinks = wit.NewError(wit.CodeForbidden, "media: this gateway serves no files")

// Link is the guest's.
func (f files) Link(ctx context.Context, share *wit.MediaShare) (*wit.MediaLink, error) {
	if _, err := f.Stat(ctx, &wit.MediaReference{Media: share.Media}); err != nil {
		return nil, err
	}
	if f.link == nil {
		return nil, errNoLinks
	}
	within := cmp.Or(share.Within, wit.MediaShareWithinDefault)
	url, err := f.link(share.Media, time.Duration(within)*time.Millisecond)
	return &wit.MediaLink{URL: url}, err
}
