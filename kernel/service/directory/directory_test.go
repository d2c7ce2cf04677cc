package directory_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/service/directory"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/wit"
)

var home = message.Account{Channel: "chat", ID: "main"}

// platform is a plugin's directory.
type platform struct {
	entries []wit.DirectoryEntry
	err     error
	asked   int
}

func (p *platform) Find(context.Context, string, wit.DirectoryQuery) ([]wit.DirectoryEntry, bool, error) {
	p.asked++
	return p.entries, true, p.err
}

// said is something that a person has said to the bot, in a direct conversation with an id of its own.
func said(room, id, name, username string) message.Origin {
	return message.Origin{Channel: home.Channel, Account: home.ID, Conversation: &wit.Conversation{ID: room, Kind: wit.ConversationKindDirect},
		Sender: &wit.Person{ID: id, Name: &name, Username: &username}}
}

func newService(p *platform, known ...message.Origin) *directory.Service {
	return directory.New(directory.Deps{Finder: p, Log: hclog.NewNullLogger(), Known: []directory.Known{
		func(context.Context, message.Account) ([]message.Origin, error) { return known, nil },
	}})
}

func TestResolve(t *testing.T) {
	ann := said("room1", "u1", "Ann Li", "ann")
	group := message.Origin{Channel: home.Channel, Account: home.ID, Conversation: &wit.Conversation{ID: "g1", Kind: wit.ConversationKindGroup, Name: new("Bees")}, Sender: &wit.Person{ID: "u9", Name: new("Zed")}}
	letIn := message.Origin{Channel: home.Channel, Account: home.ID, Sender: &wit.Person{ID: "u3", Name: new("Cy")}}
	entry := func(kind wit.ConversationKind, id, name string) wit.DirectoryEntry {
		return wit.DirectoryEntry{Kind: kind, ID: id, Name: &name}
	}
	for name, c := range map[string]struct {
		query  string
		p      platform
		known  []message.Origin
		id     string // "" for nobody
		sender string
		fails  string // what the error says
	}{
		"a name":                         {query: "ann LI", known: []message.Origin{ann}, id: "room1", sender: "u1"},
		"a username":                     {query: "@Ann", known: []message.Origin{ann}, id: "room1", sender: "u1"},
		"the sender's id":                {query: "u1", known: []message.Origin{ann}, id: "room1", sender: "u1"},
		"the conversation's id":          {query: "room1", known: []message.Origin{ann}, id: "room1", sender: "u1"},
		"a group":                        {query: "bees", known: []message.Origin{ann, group}, id: "g1"},
		"who was let in":                 {query: "Cy", known: []message.Origin{letIn}, id: "u3", sender: "u3"},
		"who speaks in a group":          {query: "Zed", known: []message.Origin{group}},
		"a part of a name":               {query: "Ann", p: platform{}, known: []message.Origin{said("r", "u", "Annabel", "")}},
		"a part with a space":            {query: "Ann L", known: []message.Origin{ann}, fails: "Ann Li (direct room1, @ann)"},
		"nobody":                         {query: "Dee"},
		"nobody, with a space":           {query: "Dee Dee", fails: "carapace directory chat"},
		"the platform's":                 {query: "Ann Li", p: platform{entries: []wit.DirectoryEntry{entry("direct", "u7", "Ann Li")}}, id: "u7", sender: "u7"},
		"twice the same person":          {query: "Ann Li", p: platform{entries: []wit.DirectoryEntry{entry("direct", "u1", "Ann Li")}}, known: []message.Origin{ann}, id: "room1", sender: "u1"},
		"two":                            {query: "Ann Li", p: platform{entries: []wit.DirectoryEntry{entry("direct", "u7", "ann li")}}, known: []message.Origin{ann}, fails: "ann li (direct u7)"},
		"a person and a group":           {query: "Bees", p: platform{entries: []wit.DirectoryEntry{entry("direct", "u7", "Bees")}}, known: []message.Origin{group}, fails: "Bees (group g1)"},
		"an id that is another's name":   {query: "u1", known: []message.Origin{ann, said("r", "u", "u1", "")}, id: "room1", sender: "u1"},
		"not asked, an id":               {query: "u5", p: platform{err: errors.New("down")}},
		"not asked, a name":              {query: "Dee Dee", p: platform{err: wit.NewError(wit.CodeUnavailable, "it is down")}, fails: "it is down"},
		"not asked, somebody else known": {query: "Ann Li", p: platform{err: errors.New("down")}, known: []message.Origin{ann}, id: "room1", sender: "u1"},
		"an evil name":                   {query: "x x", p: platform{entries: []wit.DirectoryEntry{entry("direct", "u7", "x x"), entry("direct", "u8", "X X")}}, fails: "x x (direct u7), X X (direct u8)"},
		"no name at all":                 {query: "", known: []message.Origin{said("r", "u", "", "")}},
	} {
		t.Run(name, func(t *testing.T) {
			got, known, err := newService(&c.p, c.known...).Resolve(t.Context(), home, c.query)
			switch {
			case c.fails != "":
				if err == nil || !strings.Contains(err.Error(), c.fails) {
					t.Errorf("%+v, %v", got, err)
				}
			case err != nil || known != (c.id != "") || got.ID != c.id || got.Sender != c.sender && got.ID != c.sender:
				t.Errorf("%+v, %v, %v", got, known, err)
			}
		})
	}
}

// TestAnIDIsNotAskedAbout of whoever has written.
func TestAnIDIsNotAskedAbout(t *testing.T) {
	var p platform
	if _, known, err := newService(&p, said("room1", "u1", "Ann", "")).Resolve(t.Context(), home, "room1"); !known || err != nil || p.asked != 0 {
		t.Errorf("%v, %v, asked %d times", known, err, p.asked)
	}
}

// TestAStoreThatFails is no reason to take a name for an id.
func TestAStoreThatFails(t *testing.T) {
	s := directory.New(directory.Deps{Finder: &platform{}, Log: hclog.NewNullLogger(), Known: []directory.Known{
		func(context.Context, message.Account) ([]message.Origin, error) {
			return nil, wit.NewError(wit.CodeUnavailable, "broken")
		},
	}})
	if _, known, err := s.Resolve(t.Context(), home, "u1"); known || wit.CodeOf(err) != wit.CodeUnavailable {
		t.Errorf("%v, %v", known, err)
	}
}
