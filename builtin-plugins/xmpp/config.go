package xmpp

import (
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// settings are an account's configuration, without its secrets. plugin.json says what each field means.
type settings struct {
	jid            string // bare
	server         string
	nick           string
	rooms          []room
	joinOnInvite   bool
	acceptContacts bool
	unencrypted    bool
	files          []string // where files are up- and downloaded
}

// room is one to join.
type room struct{ jid, password string }

// reaches reports whether the gateway may fetch a file from an address, or put one there.
func (s *settings) reaches(url string) bool {
	return slices.ContainsFunc(s.files, func(begin string) bool { return strings.HasPrefix(url, begin) })
}

// readSettings reads a configuration that the kernel has checked against the manifest's schema.
func readSettings(config wit.JSON) (settings, error) {
	s := settings{acceptContacts: true}
	if len(config) == 0 {
		return s, nil
	}
	v, err := json.Parse(config)
	if err != nil {
		return s, err
	}
	s.jid, s.server = bare(v.Get("jid").Text()), v.Get("server").Text()
	for item := range v.Get("files").Items() {
		s.files = append(s.files, strings.TrimSuffix(item.Text(), "/")+"/")
	}
	if s.nick = v.Get("nick").Text(); s.nick == "" {
		s.nick = local(s.jid)
	}
	s.joinOnInvite, s.unencrypted = v.Get("joinOnInvite").Bool(), v.Get("unencrypted").Bool()
	if accept := v.Get("acceptContacts"); accept.Exists() {
		s.acceptContacts = accept.Bool()
	}
	for item := range v.Get("rooms").Items() {
		jid, password, _ := strings.Cut(item.Text(), " ")
		s.rooms = append(s.rooms, room{bare(jid), password})
	}
	return s, nil
}
