package webchat

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// settings are what of an account's configuration is the plugin's; the rest (who may frame the page, how many may come) is the kernel's.
type settings struct {
	title, greeting, accent string
	askName                 bool
}

const defaultTitle = "Chat"

// readSettings reads a configuration that the kernel has checked against the manifest's schema.
func readSettings(config wit.JSON) (settings, error) {
	s := settings{title: defaultTitle}
	if len(config) == 0 {
		return s, nil
	}
	v, err := json.Parse(config)
	if err != nil {
		return s, err
	}
	if title := v.Get("title").Text(); title != "" {
		s.title = title
	}
	s.greeting, s.accent, s.askName = v.Get("greeting").Text(), v.Get("accent").Text(), v.Get("askName").Bool()
	return s, nil
}
