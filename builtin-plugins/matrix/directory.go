package matrix

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// Directory finds a person by the id, a room by its id or alias, and people by their names among those whom the server
// shows to the account ("User directory"). Who has written to the bot the kernel knows by itself.
func (Matrix) Directory(host *sdk.Host, query *wit.DirectoryQuery) (*wit.DirectoryAnswer, error) {
	t, err := newTalk(host, query.Config, nil)
	if err != nil {
		return nil, err
	}
	name, limit := strings.TrimSpace(query.Query), int(query.Limit)
	if limit == 0 {
		limit = wit.DirectoryQueryLimitDefault
	}
	wants := func(kind wit.ConversationKind) bool { return query.Kind == nil || *query.Kind == kind }
	out := &wit.DirectoryAnswer{}
	switch {
	case strings.HasPrefix(name, "#") || strings.HasPrefix(name, "!"):
		if wants(wit.ConversationKindGroup) {
			out.Entries, err = t.findRoom(name)
		}
	case !wants(wit.ConversationKindDirect) || name == "":
	case strings.HasPrefix(name, "@") && strings.Contains(name, ":"):
		out.Entries, err = t.findUser(name)
	default:
		out.Entries, err = t.searchUsers(strings.TrimPrefix(name, "@"), limit)
	}
	return out, err
}

// findRoom finds a room by what it is called uniquely, if the account may see what it is called.
func (t *talk) findRoom(id string) ([]wit.DirectoryEntry, error) {
	if strings.HasPrefix(id, "#") {
		room, err := t.named(id)
		if wit.CodeOf(err) == wit.CodeNotFound || wit.CodeOf(err) == wit.CodeInvalid {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		id = room
	}
	r := t.call("GET", roomPath(id, "state", "m.room.name"), nil)
	if !r.ok && wit.CodeOf(r.err()).Transient() {
		return nil, r.err()
	}
	if !r.ok && !r.is("M_NOT_FOUND") {
		return nil, nil // it may not be looked into
	}
	return []wit.DirectoryEntry{{Kind: wit.ConversationKindGroup, ID: id, Name: account.Optional(r.Value.Get("name").Text())}}, nil
}

// findUser finds a person by the id.
func (t *talk) findUser(id string) ([]wit.DirectoryEntry, error) {
	r := t.call("GET", client+"/profile/"+form.Escape(id), nil)
	switch code := wit.CodeOf(r.err()); {
	case r.ok:
		return []wit.DirectoryEntry{{Kind: wit.ConversationKindDirect, ID: id, Name: account.Optional(r.Value.Get("displayname").Text())}}, nil
	case code == wit.CodeNotFound || code == wit.CodeForbidden || code == wit.CodeInvalid:
		return nil, nil
	}
	return nil, r.err()
}

// searchUsers finds people by their names.
func (t *talk) searchUsers(name string, limit int) ([]wit.DirectoryEntry, error) {
	r := t.call("POST", client+"/user_directory/search", json.Object{}.Text("search_term", name).Int("limit", int64(limit)))
	if err := r.err(); err != nil {
		return nil, err
	}
	var entries []wit.DirectoryEntry
	for who := range r.Value.Get("results").Items() {
		if id := who.Get("user_id").Text(); id != "" && len(entries) < limit {
			entries = append(entries, wit.DirectoryEntry{Kind: wit.ConversationKindDirect, ID: id, Name: account.Optional(who.Get("display_name").Text())})
		}
	}
	return entries, nil
}
