package mattermost

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// Directory finds people by their names (POST /users/search), the channels that the bot is in by theirs, or one of either by its id.
func (Mattermost) Directory(host *sdk.Host, query *wit.DirectoryQuery) (*wit.DirectoryAnswer, error) {
	c, err := newChat(host, query.Account, query.Config, nil, wit.Conversation{})
	if err != nil {
		return nil, err
	}
	name := strings.TrimSpace(query.Query)
	s := &search{chat: c, query: query, name: strings.ToLower(strings.TrimLeft(name, "@#~"))}
	if isID(name) {
		err = s.byID(name)
	} else {
		err = s.byName(name)
	}
	if err != nil {
		return nil, err
	}
	return &wit.DirectoryAnswer{Entries: s.found}, nil
}

// search is one query under way.
type search struct {
	chat  *chat
	query *wit.DirectoryQuery
	name  string // in lower case, without a sign before it
	found []wit.DirectoryEntry
}

// byID finds what has an id; what Mattermost does not know, or does not show the bot, is not found, and no error.
func (s *search) byID(id string) error {
	for _, look := range []struct {
		path  string
		entry func(json.Value) wit.DirectoryEntry
	}{{"/users/", userEntry}, {"/channels/", placeEntry}} {
		r := s.chat.call("GET", look.path+id, nil)
		if err := r.err(); err != nil && r.Status != 404 && r.Status != 403 && r.Status != 400 {
			return err
		}
		if r.ok {
			s.add(look.entry(r.Value))
		}
	}
	return nil
}

// byName reads the lists that may have somebody or something of that name.
func (s *search) byName(name string) error {
	if s.wants(wit.ConversationKindDirect) && !strings.HasPrefix(name, "#") && !strings.HasPrefix(name, "~") {
		r := s.people()
		if err := r.err(); err != nil {
			return err
		}
		for v := range r.Value.Items() {
			if v.Get("delete_at").Int() == 0 {
				s.add(userEntry(v))
			}
		}
	}
	if strings.HasPrefix(name, "@") || !s.wants(wit.ConversationKindChannel) && !s.wants(wit.ConversationKindGroup) {
		return nil
	}
	r := s.chat.call("GET", "/users/me/channels", nil)
	if err := r.err(); err != nil {
		return err
	}
	for v := range r.Value.Items() {
		if v.Get("type").Text() != "D" && v.Get("delete_at").Int() == 0 {
			s.add(placeEntry(v))
		}
	}
	return nil
}

// people asks for who has a name, or, without one, for anybody.
func (s *search) people() result {
	if s.name == "" {
		return s.chat.call("GET", "/users?page=0&per_page=100&active=true", nil)
	}
	return s.chat.call("POST", "/users/search", json.Object{}.Raw("term", json.Text(s.name)).Int("limit", 100).JSON())
}

func (s *search) wants(kind wit.ConversationKind) bool {
	return s.query.Kind == nil || *s.query.Kind == kind
}

// add takes an entry that fits; one of exactly that name comes before those that only have it in theirs.
func (s *search) add(e wit.DirectoryEntry) {
	name, username := strings.ToLower(texts.Of(e.Name)), strings.ToLower(texts.Of(e.Username))
	exact := s.name == name || s.name == username || s.name == e.ID
	limit := int(s.query.Limit)
	if limit == 0 {
		limit = wit.DirectoryQueryLimitDefault
	}
	switch {
	case e.ID == "" || !s.wants(e.Kind) || !exact && !strings.Contains(name, s.name) && !strings.Contains(username, s.name):
	case exact:
		s.found = append([]wit.DirectoryEntry{e}, s.found...)
	case len(s.found) < limit:
		s.found = append(s.found, e)
	}
	s.found = s.found[:min(len(s.found), limit)]
}

// userEntry is somebody by the name that people read: a nickname, or the whole one, or that of the account.
func userEntry(v json.Value) wit.DirectoryEntry {
	name := v.Get("nickname").Text()
	if name == "" {
		name = strings.TrimSpace(v.Get("first_name").Text() + " " + v.Get("last_name").Text())
	}
	username := v.Get("username").Text()
	if name == "" {
		name = username
	}
	return wit.DirectoryEntry{Kind: wit.ConversationKindDirect, ID: idOf(v), Name: account.Optional(name), Username: account.Optional(username)}
}

func placeEntry(v json.Value) wit.DirectoryEntry {
	kind := wit.ConversationKindChannel
	switch v.Get("type").Text() {
	case "D":
		return wit.DirectoryEntry{}
	case "G":
		kind = wit.ConversationKindGroup
	}
	return wit.DirectoryEntry{Kind: kind, ID: idOf(v), Name: account.Optional(v.Get("display_name").Text()), Username: account.Optional(v.Get("name").Text())}
}
