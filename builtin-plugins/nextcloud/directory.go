package nextcloud

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

// Directory finds people by their names and ids, among those whom the server shows to the account ("Autocomplete", developer manual), and
// the rooms that the account is in by their names and tokens.
func (Nextcloud) Directory(host *sdk.Host, query *wit.DirectoryQuery) (*wit.DirectoryAnswer, error) {
	t, err := newTalk(host, query.Account, query.Config, nil)
	if err != nil {
		return nil, err
	}
	words, limit := strings.TrimLeft(strings.TrimSpace(query.Query), "@#"), int(query.Limit)
	if limit == 0 {
		limit = wit.DirectoryQueryLimitDefault
	}
	wants := func(kind wit.ConversationKind) bool { return query.Kind == nil || *query.Kind == kind }
	out := &wit.DirectoryAnswer{}
	if wants(wit.ConversationKindDirect) && words != "" {
		if out.Entries, err = t.people(strings.TrimPrefix(words, "users/"), limit); err != nil {
			return nil, err
		}
	}
	if wants(wit.ConversationKindGroup) {
		rooms, err := t.rooms(strings.ToLower(words))
		if err != nil {
			return nil, err
		}
		out.Entries = append(out.Entries, rooms...)
	}
	out.Entries = out.Entries[:min(len(out.Entries), limit)]
	return out, nil
}

func (t *talk) people(words string, limit int) (entries []wit.DirectoryEntry, err error) {
	r := t.call("GET", ocs+"/core/autocomplete/get", params(nil).text("search", words).text("itemType", "call").text("itemId", "new").
		text("shareTypes[]", "0").int("limit", int64(limit)))
	if err := r.err(); err != nil {
		return nil, err
	}
	for who := range r.data.Items() {
		if id := who.Get("id").Text(); who.Get("source").Text() == "users" && id != "" {
			entries = append(entries, wit.DirectoryEntry{
				Kind: wit.ConversationKindDirect, ID: "users/" + id, Name: account.Optional(who.Get("label").Text()), Username: &id,
			})
		}
	}
	return entries, nil
}

func (t *talk) rooms(words string) (entries []wit.DirectoryEntry, err error) {
	r := t.call("GET", talk4+"/room", params(nil).int("noStatusUpdate", 1))
	if err := r.err(); err != nil {
		return nil, err
	}
	for v := range r.data.Items() {
		token, name, kind := v.Get("token").Text(), v.Get("displayName").Text(), v.Get("type").Int()
		if kind != oneToOne && kind < changelog && (strings.EqualFold(token, words) || strings.Contains(strings.ToLower(name), words)) {
			entries = append(entries, wit.DirectoryEntry{Kind: wit.ConversationKindGroup, ID: token, Name: account.Optional(name)})
		}
	}
	return entries, nil
}
