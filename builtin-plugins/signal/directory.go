package signal

import (
	"cmp"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

var _ channel.Finder = Signal{}

// Directory finds the account's contacts and groups by a number, a name or a part of one (listContacts, listGroups).
func (Signal) Directory(host *sdk.Host, query *wit.DirectoryQuery) (*wit.DirectoryAnswer, error) {
	s, err := readSettings(query.Config)
	if err != nil {
		return nil, err
	}
	c := &chat{host: host, settings: s}
	most := int(query.Limit)
	if most == 0 {
		most = wit.DirectoryQueryLimitDefault
	}
	f := finder{words: strings.ToLower(strings.TrimSpace(query.Query)), most: most}
	for _, list := range []struct {
		kind   wit.ConversationKind
		method string
		read   func(json.Value) wit.DirectoryEntry
	}{{wit.ConversationKindDirect, "listContacts", contactEntry}, {wit.ConversationKindGroup, "listGroups", groupEntry}} {
		if query.Kind != nil && *query.Kind != list.kind {
			continue
		}
		r := c.call(s.rpc("directory", list.method, s.params()))
		if !r.ok() {
			return nil, r.err()
		}
		for v := range r.Value.Items() {
			f.add(list.read(v))
		}
	}
	return &wit.DirectoryAnswer{Entries: append(f.exact, f.partly...)[:min(len(f.exact)+len(f.partly), most)]}, nil
}

// finder collects what fits, and first what is called just so.
type finder struct {
	words         string
	most          int
	exact, partly []wit.DirectoryEntry
}

func (f *finder) add(e wit.DirectoryEntry) {
	name, username := "", ""
	if e.Name != nil {
		name = strings.ToLower(*e.Name)
	}
	if e.Username != nil {
		username = strings.ToLower(*e.Username)
	}
	words := strings.TrimPrefix(f.words, "@")
	switch {
	case e.ID == "":
	case f.words == strings.ToLower(e.ID) || words != "" && (words == name || words == username):
		if len(f.exact) < f.most {
			f.exact = append(f.exact, e)
		}
	case strings.Contains(name, words) && len(f.partly) < f.most:
		f.partly = append(f.partly, e)
	}
}

// contactEntry is a contact, under the name that the owner gave, or their own.
func contactEntry(v json.Value) wit.DirectoryEntry {
	own := strings.TrimSpace(v.Get("profile", "givenName").Text() + " " + v.Get("profile", "familyName").Text())
	return wit.DirectoryEntry{
		Kind: wit.ConversationKindDirect, ID: cmp.Or(v.Get("number").Text(), v.Get("uuid").Text()),
		Name: account.Optional(cmp.Or(v.Get("name").Text(), own)), Username: account.Optional(v.Get("username").Text()),
	}
}

// groupEntry is a group that the account is in.
func groupEntry(v json.Value) wit.DirectoryEntry {
	e := wit.DirectoryEntry{Kind: wit.ConversationKindGroup, ID: v.Get("id").Text(), Name: account.Optional(v.Get("name").Text())}
	if !v.Get("isMember").Bool() {
		e.ID = ""
	}
	return e
}
