package sdk

import (
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// MediaLink returns an address by which anybody may read a file of the media store for a while, 30 days at most: for platforms that
// fetch what they are sent. `forbidden` where the owner has not set gateway.publicUrl. Permission `media`.
func (h *Host) MediaLink(media string, within time.Duration) (string, error) {
	link := new(wit.MediaLink)
	if err := call(h, mediaLink, &wit.MediaShare{Media: media, Within: within.Milliseconds()}, link); err != nil {
		return "", err
	}
	return link.URL, nil
}

// MediaStat describes a file of the media store, `not_found` when it is gone. Permission `media`.
func (h *Host) MediaStat(media string) (*wit.MediaInfo, error) {
	info := new(wit.MediaInfo)
	if err := call(h, mediaStat, &wit.MediaReference{Media: media}, info); err != nil {
		return nil, err
	}
	return info, nil
}
