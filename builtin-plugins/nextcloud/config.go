package nextcloud

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// settings are an account's configuration, without its app password, which only the kernel sees. plugin.json says what each
// field means.
type settings struct {
	root     string // of the server's URLs, without a slash at its end
	user     string // what the user logs in as
	receipts bool
	folder   string // of the files that are sent, without slashes around it
}

// readSettings reads a configuration that the kernel has checked against the manifest's schema.
func readSettings(config wit.JSON) (settings, error) {
	s := settings{receipts: true, folder: "Talk"}
	if len(config) == 0 {
		return s, nil
	}
	v, err := json.Parse(config)
	if err != nil {
		return s, err
	}
	s.root = strings.TrimSuffix(strings.TrimRight(v.Get("server").Text(), "/"), "/index.php")
	s.user = strings.TrimSpace(v.Get("user").Text())
	receipts := v.Get("readReceipts")
	s.receipts = !receipts.Exists() || receipts.Bool()
	if folder := strings.Trim(v.Get("folder").Text(), "/ "); folder != "" {
		s.folder = folder
	}
	return s, nil
}

// lacks says which field has to be set first, "" for none.
func (s settings) lacks() string {
	switch {
	case s.root == "":
		return "server is not set: give the address of your Nextcloud with `carapace setup nextcloud`"
	case s.user == "":
		return "user is not set: give the name that the bot logs in as with `carapace setup nextcloud`"
	}
	return ""
}
