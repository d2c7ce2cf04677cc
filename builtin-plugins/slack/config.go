package slack

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// settings are an account's configuration, without its secrets, which only the kernel sees. plugin.json says what each
// field means.
type settings struct {
	root      string // of the Web API's URLs, without a slash at its end
	events    bool   // the Events API calls the webhook, instead of Socket Mode
	inChannel bool   // answers stand in the channel itself, and not in a thread of what they answer
	command   string // the slash command whose text is what is said
	bots      bool   // other apps' messages are read
	noPreview bool
}

const (
	defaultRoot    = "https://slack.com"
	defaultCommand = "/carapace"
)

// readSettings reads a configuration that the kernel has checked against the manifest's schema.
func readSettings(config wit.JSON) (settings, error) {
	s := settings{root: defaultRoot, command: defaultCommand}
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
	if command := v.Get("slashCommand").Text(); command != "" {
		s.command = "/" + strings.TrimPrefix(command, "/")
	}
	s.events = v.Get("mode").Text() == "events"
	s.inChannel = v.Get("replies").Text() == "channel"
	s.bots = v.Get("allowBots").Bool()
	preview := v.Get("linkPreview")
	s.noPreview = preview.Exists() && !preview.Bool()
	return s, nil
}
