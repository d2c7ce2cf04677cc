package mattermost

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// settings are an account's configuration, without its secrets, which only the kernel sees. plugin.json says what each
// field means.
type settings struct {
	root      string // of the server's URLs, without a slash at its end
	inChannel bool   // answers stand in the channel itself, and not in a thread of what they answer
	everybody bool   // @channel, @all and @here address the bot too
	command   string // the slash command whose text is what is said
	bots      bool   // other bots' messages are read
	gateway   string // where the server reaches this gateway, "" for nowhere
}

const defaultCommand = "/carapace"

// readSettings reads a configuration that the kernel has checked against the manifest's schema.
func readSettings(config wit.JSON) (settings, error) {
	s := settings{command: defaultCommand}
	if len(config) == 0 {
		return s, nil
	}
	v, err := json.Parse(config)
	if err != nil {
		return s, err
	}
	s.root = strings.TrimRight(v.Get("serverUrl").Text(), "/")
	if command := v.Get("slashCommand").Text(); command != "" {
		s.command = "/" + strings.TrimPrefix(command, "/")
	}
	s.gateway = strings.TrimRight(v.Get("callbackUrl").Text(), "/")
	s.inChannel = v.Get("replies").Text() == "channel"
	s.everybody = v.Get("channelMentions").Bool()
	s.bots = v.Get("allowBots").Bool()
	return s, nil
}
