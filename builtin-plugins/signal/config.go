package signal

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// settings are an account's configuration. plugin.json says what each field means.
type settings struct {
	url, account, device string
	notes                bool // Note to Self is answered
	receipts             bool // people are told that their messages were read
}

// readSettings reads a configuration that the kernel has checked against the manifest's schema.
func readSettings(config wit.JSON) (settings, error) {
	v := json.Value{}
	if len(config) > 0 {
		var err error
		if v, err = json.Parse(config); err != nil {
			return settings{}, err
		}
	}
	s := settings{
		url: strings.TrimRight(v.Get("url").Text(), "/"), account: v.Get("account").Text(), device: v.Get("deviceName").Text(),
		notes: v.Get("noteToSelf").Bool(), receipts: !v.Get("readReceipts").Exists() || v.Get("readReceipts").Bool(),
	}
	if s.device == "" {
		s.device = "carapace"
	}
	return s, nil
}
