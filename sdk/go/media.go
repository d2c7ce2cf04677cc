package sdk

import "github.com/carapace-gateway/carapace/wit"

// MediaStat describes a file of the media store, `not_found` when it is gone. Permission `media`.
func (h *Host) MediaStat(media string) (*wit.MediaInfo, error) {
	info := new(wit.MediaInfo)
	if err := call(h, mediaStat, &wit.MediaReference{Media: media}, info); err != nil {
		return nil, err
	}
	return info, nil
}
