package slack

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// Bounds of a search. Slack has none of its own for apps: lists are read page by page (Pagination).
const (
	directoryPages = 5
	directoryLimit = "200"
)

// Directory finds people and channels by their names, or one by its id (users.list, users.info, conversations.list,
// conversations.info).
func (Slack) Directory(host *sdk.Host, query *wit.DirectoryQuery) (*wit.DirectoryAnswer, error) {
	c, err := newChat(host, query.Account, query.Config, nil, wit.Conversation{ID: "-"})
	if err != nil {
		return nil, err
	}
	name := strings.TrimSpace(query.Query)
	s := &search{chat: c, query: query, name: strings.ToLower(strings.TrimLeft(name, "@#"))}
	if looksLikeID(name) {
		err = s.byID(name)
	} else {
		err = s.byName(name)
	}
	if err != nil {
		return nil, err
	}
	return &wit.DirectoryAnswer{Entries: s.found}, nil
}

// looksLikeID reports whether a text is written as Slack writes ids: C, G, U or W and eight or more capitals and digits.
func looksLikeID(s string) bool {
	if len(s) < 9 || !isPlace(s) && !isUser(s) {
		return false
	}
	for _, c := range []byte(s) {
		if !(c >= 'A' && c <= 'Z' || c >= '0' && c <= '9') {
			return false
		}
	}
	return true
}

// search is one query under way.
type search struct {
	chat  *chat
	query *wit.DirectoryQuery
	name  string // in lower case, without a sign before it
	found []wit.DirectoryEntry
}

// byID finds what has an id; what Slack does not know is not found, and no error.
func (s *search) byID(id string) error {
	if isPlace(id) {
		r := s.chat.call("conversations.info", form.Of("channel", id))
		if r.ok {
			s.add(placeEntry(r.Value.Get("channel")))
		}
		return missing(r)
	}
	r := s.chat.call("users.info", form.Of("user", id))
	if r.ok {
		s.add(userEntry(r.Value.Get("user")))
	}
	return missing(r)
}

// missing is a result's error, unless that says that there is no such thing.
func missing(r result) error {
	if err := r.err(); wit.CodeOf(err) != wit.CodeNotFound {
		return err
	}
	return nil
}

// byName reads the lists that may have somebody or something of that name.
func (s *search) byName(name string) error {
	if s.wants(wit.ConversationKindDirect) && !strings.HasPrefix(name, "#") {
		if err := s.pages("users.list", "members", nil, userEntry); err != nil {
			return err
		}
	}
	if strings.HasPrefix(name, "@") || !s.wants(wit.ConversationKindChannel) {
		return nil
	}
	return s.pages("conversations.list", "channels", form.Of("types", "public_channel,private_channel", "exclude_archived", "true"), placeEntry)
}

func (s *search) wants(kind wit.ConversationKind) bool {
	return s.query.Kind == nil || *s.query.Kind == kind
}

// pages reads a list until enough is found.
func (s *search) pages(method, field string, f form.Form, entry func(json.Value) wit.DirectoryEntry) error {
	f, cursor := f.With("limit", directoryLimit), ""
	for range directoryPages {
		r := s.chat.call(method, f.With("cursor", cursor))
		if err := r.err(); err != nil {
			return err
		}
		for v := range r.Value.Get(field).Items() {
			if !v.Get("deleted").Bool() {
				s.add(entry(v))
			}
		}
		if cursor = r.Value.Get("response_metadata", "next_cursor").Text(); cursor == "" {
			break
		}
	}
	return nil
}

// add takes an entry that fits; one of exactly that name comes before those that only have it in theirs.
func (s *search) add(e wit.DirectoryEntry) {
	name, username := strings.ToLower(texts.Of(e.Name)), strings.ToLower(texts.Of(e.Username))
	exact := s.name == name || s.name == username || s.name == strings.ToLower(e.ID)
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

func userEntry(v json.Value) wit.DirectoryEntry {
	return wit.DirectoryEntry{Kind: wit.ConversationKindDirect, ID: v.Get("id").Text(), Name: account.Optional(userName(v)), Username: account.Optional(v.Get("name").Text())}
}

func placeEntry(v json.Value) wit.DirectoryEntry {
	kind := wit.ConversationKindChannel
	if v.Get("is_mpim").Bool() {
		kind = wit.ConversationKindGroup
	}
	return wit.DirectoryEntry{Kind: kind, ID: v.Get("id").Text(), Name: account.Optional(v.Get("name").Text())}
}
