package whatsapp

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// settings are an account's configuration, without its secrets, which only the kernel sees. plugin.json says what each
// field means.
type settings struct {
	api      string     // the API's URLs begin with it: its root and its version
	phone    string     // the number's id
	template string     // "" for none
	language string     // of the template
	commands json.Value // of the menu, where the owner has named them
}

// What stands for fields that are not set. Meta serves this version until 8 October 2027 (Graph API, "Changelog").
const (
	defaultRoot     = "https://graph.facebook.com"
	defaultVersion  = "v23.0"
	defaultLanguage = "en_US"
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
			return text
		}
		return byDefault
	}
	return settings{
		api:      strings.TrimRight(field("apiRoot", defaultRoot), "/") + "/" + form.Escape(field("apiVersion", defaultVersion)),
		phone:    form.Escape(v.Get("phoneNumberId").Text()),
		template: v.Get("template").Text(),
		language: field("templateLanguage", defaultLanguage),
		commands: v.Get("commands"),
	}, nil
}
