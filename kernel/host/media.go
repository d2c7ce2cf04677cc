package host

import (
	"context"

	"github.com/carapace-gateway/carapace/wit"
)

func (g *Guest) mediaStat(ctx context.Context, ref *wit.MediaReference) (*wit.MediaInfo, error) {
	if g.host.deps.Media == nil {
		return nil, wit.NewError(wit.CodeUnavailable, "media: this gateway has no media store")
	}
	info, err := g.host.deps.Media.Stat(ctx, ref.Media)
	if err != nil {
		return nil, err
	}
	info.Media = ref.Media
	return &info, nil
}
