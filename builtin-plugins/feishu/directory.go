package feishu

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/wit"
)

// directoryPages bounds a search: Feishu has lists of a hundred groups each.
const directoryPages = 5

// Directory finds the bot's groups by their names ("Obtain the list of groups"), or a group or somebody by an id. Whom a name
// belongs to Feishu tells to people only.
func (Feishu) Directory(host *sdk.Host, query *wit.DirectoryQuery) (*wit.DirectoryAnswer, error) {
	c, err := openChat(host, query.Config, wit.Conversation{ID: "-"})
	if err != nil {
		return nil, err
	}
	s := &search{chat: c, query: query, name: strings.ToLower(strings.TrimSpace(query.Query))}
	switch kind := idType(strings.TrimSpace(query.Query)); kind {
	case "chat_id":
		err = s.group(strings.TrimSpace(query.Query))
	case "open_id", "union_id":
		err = s.person(strings.TrimSpace(query.Query), kind)
	default:
		err = s.groups()
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
	name  string // in lower case
	found []wit.DirectoryEntry
}

// add adds what there is, unless another kind is wanted.
func (s *search) add(kind wit.ConversationKind, id, name string) {
	limit := int(s.query.Limit)
	if limit == 0 {
		limit = 25
	}
	if id != "" && len(s.found) < limit && (s.query.Kind == nil || *s.query.Kind == kind) {
		s.found = append(s.found, wit.DirectoryEntry{Kind: kind, ID: id, Name: account.Optional(name)})
	}
}

// missing is a result's error, unless that says that there is no such thing.
func missing(r result) error {
	if err := r.err(); err != nil && err.Code != wit.CodeNotFound && err.Code != wit.CodeInvalid {
		return err
	}
	return nil
}

func (s *search) group(id string) error {
	r := s.chat.call("GET", "/im/v1/chats/"+form.Escape(id), nil)
	if r.ok() {
		s.add(wit.ConversationKindGroup, id, r.Value.Get("data", "name").Text())
	}
	return missing(r)
}

func (s *search) person(id, kind string) error {
	r := s.chat.call("GET", "/contact/v3/users/"+form.Escape(id)+"?user_id_type="+kind, nil)
	user := r.Value.Get("data", "user")
	s.add(wit.ConversationKindDirect, user.Get("open_id").Text(), user.Get("name").Text())
	return missing(r)
}

func (s *search) groups() error {
	token := ""
	for range directoryPages {
		r := s.chat.call("GET", "/im/v1/chats?page_size=100&page_token="+form.Escape(token), nil)
		if err := r.err(); err != nil {
			return err
		}
		for item := range r.Value.Get("data", "items").Items() {
			if name := item.Get("name").Text(); strings.Contains(strings.ToLower(name), s.name) {
				s.add(wit.ConversationKindGroup, item.Get("chat_id").Text(), name)
			}
		}
		if token = r.Value.Get("data", "page_token").Text(); token == "" || !r.Value.Get("data", "has_more").Bool() {
			break
		}
	}
	return nil
}
