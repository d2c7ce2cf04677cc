package line

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// settings are an account's configuration, without its secrets, which only the kernel sees. plugin.json says what each
// field means.
type settings struct {
	api     string // URLs of calls begin with it
	data    string // those of files
	replies bool   // reply tokens are used
}

// What stands for fields that are not set.
const (
	defaultRoot = "https://api.line.me"
	defaultData = "https://api-data.line.me"
)

// readSettings reads a configuration that the kernel has checked against the manifest's schema.
func readSettings(config wit.JSON) (settings, error) {
	v := json.Value{}
	if len(config) > 0 {
		var err error
		if v, err = json.Parse(config); err != nil {
			return settings{}, err
		}
	}
	field := func(name, byDefault string) string {
		if text := v.Get(name).Text(); text != "" {
			return strings.TrimRight(text, "/")
		}
		return byDefault
	}
	replies := v.Get("replyTokens")
	return settings{
		api: field("apiRoot", defaultRoot) + "/v2/bot", data: field("dataRoot", defaultData) + "/v2/bot",
		replies: !replies.Exists() || replies.Bool(),
	}, nil
}
