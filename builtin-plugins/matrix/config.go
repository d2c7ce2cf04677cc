package matrix

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// settings are an account's configuration, without its token, which only the kernel sees. plugin.json says what each
// field means.
type settings struct {
	root     string // of the API's URLs, without a slash at its end
	join     joinPolicy
	inviters []string
	receipts bool
	notices  bool // what is said goes out as m.notice
}

// joinPolicy says whose invitations are accepted.
type joinPolicy string

const (
	joinOff   joinPolicy = "off"
	joinOwner joinPolicy = "owner-allowed" // of those whom the owner has named
	joinAll   joinPolicy = "all"
)

// readSettings reads a configuration that the kernel has checked against the manifest's schema.
func readSettings(config wit.JSON) (settings, error) {
	s := settings{join: joinOwner, receipts: true}
	if len(config) == 0 {
		return s, nil
	}
	v, err := json.Parse(config)
	if err != nil {
		return s, err
	}
	s.root = strings.TrimRight(v.Get("homeserver").Text(), "/")
	if policy := v.Get("autoJoin").Text(); policy != "" {
		s.join = joinPolicy(policy)
	}
	s.inviters = strings.FieldsFunc(v.Get("inviters").Text(), func(c rune) bool { return c == ',' || c == ' ' })
	receipts := v.Get("readReceipts")
	s.receipts = !receipts.Exists() || receipts.Bool()
	s.notices = v.Get("messageType").Text() == "notice"
	return s, nil
}

// mayInvite reports whether an invitation by somebody is accepted: the list has user ids, and *:server for all of a
// server.
func (s settings) mayInvite(user string) bool {
	if s.join != joinOwner {
		return s.join == joinAll
	}
	_, server, _ := strings.Cut(user, ":")
	for _, who := range s.inviters {
		if who == user || server != "" && who == "*:"+server {
			return true
		}
	}
	return false
}
