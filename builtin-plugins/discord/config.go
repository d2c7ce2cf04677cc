package discord

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// settings are an account's configuration, without its secrets, which only the kernel sees. plugin.json says what each field
// means.
type settings struct {
	root      string     // of the API's URLs, without a slash at its end
	gateway   string     // a gateway's URL, in place of the one that the API names
	noContent bool       // the messages' texts are not asked for
	bots      bool       // other bots are answered
	mentions  string     // who is notified by what the model writes
	commands  json.Value // the slash commands, where the owner has named them
}

// defaultRoot is Discord's own server.
const defaultRoot = "https://discord.com"

// Whom a text may notify (Allowed Mentions Object).
const (
	mentionsNobody = "none"
	mentionsUsers  = "users"
)

// readSettings reads a configuration that the kernel has checked against the manifest's schema.
func readSettings(config wit.JSON) (settings, error) {
	s := settings{root: defaultRoot, mentions: mentionsNobody}
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
	s.gateway = v.Get("gatewayUrl").Text()
	content := v.Get("messageContent")
	s.noContent = content.Exists() && !content.Bool()
	s.bots = v.Get("bots").Bool()
	if v.Get("mentions").Text() == mentionsUsers {
		s.mentions = mentionsUsers
	}
	s.commands = v.Get("commands")
	return s, nil
}

// api is the address of an endpoint of the API, such as /gateway/bot.
func (s settings) api(path string) string { return s.root + "/api/v10" + path }

// cdn is the address of a file of Discord's own, such as a sticker ("CDN Endpoints").
func (s settings) cdn(path string) string {
	if s.root == defaultRoot {
		return "https://cdn.discordapp.com" + path
	}
	return s.root + path
}
