package media

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strconv"
	"time"

	files "github.com/carapace-gateway/carapace/kernel/media"
	"github.com/carapace-gateway/carapace/kernel/picture"
	"github.com/carapace-gateway/carapace/wit"
)

// sizes are those of small pictures, in pixels on the longer side. Others are rounded up, so that one file has few of them.
var sizes = [...]int{64, 128, 256, 512, 1024}

// thumb returns a small picture of a file: one that was made before, or a new one. A picture that is small is its own. Errors:
// CodeInvalid for what is no picture; CodeTooLarge for one that would take too much memory; CodeTimeout.
func (s *Service) thumb(ctx context.Context, f files.File, asked string) (io.ReadSeekCloser, files.File, error) {
	n, err := strconv.Atoi(asked)
	if err != nil || n < 1 {
		return nil, f, wit.NewError(wit.CodeInvalid, "thumb is the size of a small picture in pixels, such as 256")
	}
	size := sizes[len(sizes)-1]
	for _, s := range sizes {
		if n <= s {
			size = s
			break
		}
	}
	what := "thumb-" + strconv.Itoa(size)
	if read, made, err := s.Store.Made(ctx, f.ID, what); err == nil {
		return read, named(made, f), nil
	}
	err = s.shrink(ctx, f.ID, what, size)
	if errors.Is(err, picture.ErrSmall) {
		return s.Store.Content(ctx, f.ID)
	}
	if err != nil {
		return nil, f, err
	}
	read, made, err := s.Store.Made(ctx, f.ID, what)
	return read, named(made, f), err
}

// named is a small picture under the name of the large one.
func named(small, large files.File) files.File {
	small.Name = large.Name
	return small
}

// shrink makes a small picture, one at a time.
func (s *Service) shrink(ctx context.Context, id, what string, size int) error {
	ctx, cancel := context.WithTimeout(ctx, thumbTime)
	defer cancel()
	select {
	case s.decoder <- struct{}{}:
		defer func() { <-s.decoder }()
	case <-ctx.Done():
		return wit.ErrorAfter(wit.CodeRateLimited, time.Second, "other pictures are made smaller: try again")
	}
	read, _, err := s.Store.Content(ctx, id)
	if err != nil {
		return err
	}
	defer read.Close()
	small, mimeType, err := picture.Shrink(ctx, read, size)
	if err != nil {
		return err
	}
	return s.Store.Make(ctx, id, what, mimeType, bytes.NewReader(small))
}
