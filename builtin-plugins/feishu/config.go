package feishu

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// settings are an account's configuration, without its secrets, which only the kernel sees. plugin.json says what each
// field means.
type settings struct {
	root     string // the platform's URLs begin with it
	api      string // and with this those of the API
	app      string // the app's id
	connects bool   // events come over a connection, not by calls
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
	root := strings.TrimRight(v.Get("apiRoot").Text(), "/")
	return settings{root: root, api: root + "/open-apis", app: v.Get("appId").Text(), connects: v.Get("mode").Text() == "connection"}, nil
}
