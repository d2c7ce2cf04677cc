package telegram

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// settings are an account's configuration, without its secrets, which only the kernel sees. plugin.json
// says what each field means.
type settings struct {
	root       string // of the API's URLs, without a slash at its end
	webhook    bool
	webhookURL string
	plain      bool // send texts as the model wrote them
	noPreview  bool
	commands   json.Value // of the menu, where the owner has named them
}

// defaultRoot is Telegram's own server; others can be run (core.telegram.org/bots/api, "Using a Local Bot API
// Server").
const defaultRoot = "https://api.telegram.org"

// readSettings reads a configuration that the kernel has checked against the manifest's schema.
func readSettings(config wit.JSON) (settings, error) {
	s := settings{root: defaultRoot}
	if len(config) == 0 {
		return s, nil
	}
	v, err := json.Parse(config)
	if err != nil {
		return s, err
	}
	if root := v.Get("apiRoot").Text(); root != "" {
		s.root = strings.TrimRight(root, "/")
	}
	s.webhook = v.Get("mode").Text() == "webhook"
	s.webhookURL = v.Get("webhookUrl").Text()
	s.plain = v.Get("parseMode").Text() == "plain"
	s.commands = v.Get("commands")
	preview := v.Get("linkPreview")
	s.noPreview = preview.Exists() && !preview.Bool()
	return s, nil
}
