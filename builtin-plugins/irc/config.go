package irc

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// settings are an account's configuration, without its secrets. plugin.json says what each field means.
type settings struct {
	server       string
	nick         string
	alternatives []string
	account      string // "" where the bot does not log in
	realName     string
	rooms        []room
	joinOnInvite bool
	lineInterval int64 // milliseconds
}

// room is one to join.
type room struct{ name, key string }

const defaultLineInterval = 1000

// readSettings reads a configuration that the kernel has checked against the manifest's schema.
func readSettings(config wit.JSON) (settings, error) {
	s := settings{lineInterval: defaultLineInterval}
	if len(config) == 0 {
		return s, nil
	}
	v, err := json.Parse(config)
	if err != nil {
		return s, err
	}
	s.server, s.nick, s.account = v.Get("server").Text(), v.Get("nick").Text(), v.Get("account").Text()
	if s.realName = v.Get("realName").Text(); s.realName == "" {
		s.realName = s.nick
	}
	s.joinOnInvite = v.Get("joinOnInvite").Bool()
	if interval := v.Get("lineInterval"); interval.Exists() {
		s.lineInterval = interval.Int()
	}
	s.alternatives = v.Get("alternatives").Texts()
	for item := range v.Get("channels").Items() {
		name, key, _ := strings.Cut(item.Text(), " ")
		s.rooms = append(s.rooms, room{name, key})
	}
	return s, nil
}
