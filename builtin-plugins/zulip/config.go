package zulip

import (
	"cmp"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// settings are an account's configuration, without its API key, which only the kernel sees. plugin.json says what each
// field means.
type settings struct {
	root      string // of the API's URLs, without a slash at its end
	email     string
	topic     string // of what is said in a channel and in no topic
	wildcards bool   // @**all** addresses the bot
}

// readSettings reads a configuration that the kernel has checked against the manifest's schema.
func readSettings(config wit.JSON) (settings, error) {
	s := settings{topic: "chat"}
	if len(config) == 0 {
		return s, nil
	}
	v, err := json.Parse(config)
	if err != nil {
		return s, err
	}
	s.root = strings.TrimRight(v.Get("site").Text(), "/")
	s.email = strings.TrimSpace(v.Get("email").Text())
	s.topic = cmp.Or(v.Get("topic").Text(), s.topic)
	s.wildcards = v.Get("wildcardMentions").Bool()
	return s, nil
}

// lacks says which field has to be set first, "" for none.
func (s settings) lacks() string {
	switch {
	case s.root == "":
		return "site is not set: give the address of your Zulip with `carapace setup zulip`"
	case s.email == "":
		return "email is not set: give the bot's email, as Settings > Your bots shows it, with `carapace setup zulip`"
	}
	return ""
}
