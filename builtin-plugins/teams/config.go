package teams

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// settings are an account's configuration, without its secrets, which only the kernel sees. plugin.json says what each
// field means.
type settings struct {
	app     string
	tenant  string
	service string // the address that messages go to where no other is known, with a slash at its end
}

// defaultService stands for serviceUrl when it is not set (Proactive messages, "Get the conversation ID").
const defaultService = "https://smba.trafficmanager.net/teams/"

// readSettings reads a configuration that the kernel has checked against the manifest's schema.
func readSettings(config wit.JSON) (settings, error) {
	v := json.Value{}
	if len(config) > 0 {
		var err error
		if v, err = json.Parse(config); err != nil {
			return settings{}, err
		}
	}
	service := v.Get("serviceUrl").Text()
	if service == "" {
		service = defaultService
	}
	return settings{app: v.Get("appId").Text(), tenant: v.Get("tenantId").Text(), service: slashed(service)}, nil
}

// me is the bot's id among the members of a conversation: those of bots begin with 28.
func (s settings) me() string { return "28:" + s.app }

// slashed is an address that others can be put behind.
func slashed(address string) string { return strings.TrimRight(address, "/") + "/" }
