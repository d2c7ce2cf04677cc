package zulip

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// Directory finds people by their names, emails and ids ("Get all users"), and channels by their names and ids ("Get all
// channels").
func (Zulip) Directory(host *sdk.Host, query *wit.DirectoryQuery) (*wit.DirectoryAnswer, error) {
	t, err := newTalk(host, query.Account, query.Config, nil)
	if err != nil {
		return nil, err
	}
	s := search{words: strings.ToLower(strings.TrimSpace(query.Query)), limit: int(query.Limit)}
	if s.limit == 0 {
		s.limit = wit.DirectoryQueryLimitDefault
	}
	wants := func(kind wit.ConversationKind) bool { return query.Kind == nil || *query.Kind == kind }
	if wants(wit.ConversationKindDirect) && !strings.HasPrefix(s.words, "#") && !strings.HasPrefix(s.words, channelPrefix) {
		if err := s.people(t); err != nil {
			return nil, err
		}
	}
	if wants(wit.ConversationKindGroup) && !strings.HasPrefix(s.words, "@") {
		if err := s.channels(t); err != nil {
			return nil, err
		}
	}
	return &wit.DirectoryAnswer{Entries: s.entries()}, nil
}

// search collects who and what fits.
type search struct {
	words       string
	limit       int
	exact, some []wit.DirectoryEntry // what is called so, and what only has the words in it
}

// entries are those that fit, the best ones first.
func (s *search) entries() []wit.DirectoryEntry {
	all := append(s.exact, s.some...)
	return all[:min(len(all), s.limit)]
}

// add takes an entry if one of its names has the words in it, or is the whole of them, as its id may be.
func (s *search) add(e wit.DirectoryEntry, names ...string) {
	words, some := strings.TrimLeft(s.words, "@#"), false
	if e.ID == words || strings.TrimPrefix(e.ID, channelPrefix) == words {
		s.exact = append(s.exact, e)
		return
	}
	for _, name := range names {
		name = strings.ToLower(name)
		if name == words {
			s.exact = append(s.exact, e)
			return
		}
		some = some || strings.Contains(name, words)
	}
	if some {
		s.some = append(s.some, e)
	}
}

func (s *search) people(t *talk) error {
	r := t.call("GET", "/users", params(nil).text("client_gravatar", "true"))
	if err := r.err(); err != nil {
		return err
	}
	for who := range r.Value.Get("members").Items() {
		if id := who.Get("user_id").Text(); id != "" && active(who) {
			email := who.Get("delivery_email").Text()
			if email == "" {
				email = who.Get("email").Text()
			}
			name := who.Get("full_name").Text()
			s.add(wit.DirectoryEntry{Kind: wit.ConversationKindDirect, ID: id, Name: account.Optional(name), Username: account.Optional(email)}, name, email)
		}
	}
	return nil
}

// active reports whether somebody can be written to.
func active(who json.Value) bool {
	is := who.Get("is_active")
	return !is.Exists() || is.Bool()
}

func (s *search) channels(t *talk) error {
	r := t.call("GET", "/streams", nil)
	if err := r.err(); err != nil {
		return err
	}
	for c := range r.Value.Get("streams").Items() {
		if id := c.Get("stream_id").Text(); id != "" {
			name := c.Get("name").Text()
			s.add(wit.DirectoryEntry{Kind: wit.ConversationKindGroup, ID: channelPrefix + id, Name: account.Optional(name)}, name)
		}
	}
	return nil
}
