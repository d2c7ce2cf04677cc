// Package directory knows people and conversations by what they are called: what has written to an account, and, where the
// channel's plugin has a directory, whom its platform knows beside.
//
// Owns: nothing. It asks the sessions and the inbox who has written, and the plugin; and it says whom an owner means by a name.
// It refuses to guess: a name that two have is an error that lists them, and a part of a name is nobody's. An id is always
// what it is, and its platform is not asked about one that has written.
//
// Everything is safe for concurrent use; nothing here keeps state in memory.
package directory

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/wit"
)

// Contact is somebody or a conversation that an account can write to.
type Contact struct {
	wit.DirectoryEntry
	// Sender is what messages of a person have as their sender, where that is another id than the conversation's.
	Sender string
}

// Known lists who has written to an account, and where: an origin without a conversation is only somebody who may write.
// Errors: the store's.
type Known func(ctx context.Context, a message.Account) ([]message.Origin, error)

// Finder is the plugins' directories.
type Finder interface {
	// Find asks the plugin of a channel; false where it has no directory. Errors are the plugin's.
	Find(ctx context.Context, channel string, q wit.DirectoryQuery) (list []wit.DirectoryEntry, can bool, err error)
}

// Accounts knows which accounts there are.
type Accounts interface {
	// Account finds an account, the channel's first when account is empty, or CodeNotFound.
	Account(channel, account string) (message.Account, error)
}

// Deps is what the service stands on.
type Deps struct {
	Accounts Accounts
	Finder   Finder
	Known    []Known
	Log      hclog.Logger
}

// Service is the directory of all accounts.
type Service struct {
	accounts Accounts
	finder   Finder
	known    []Known
	log      hclog.Logger
}

// New returns the service.
func New(d Deps) *Service {
	return &Service{accounts: d.Accounts, finder: d.Finder, known: d.Known, log: d.Log.Named("directory")}
}

// Service names what the directory is to the kernel.
func (s *Service) Service() service.Service {
	return service.Service{Name: "directory", Methods: s.methods()}
}

const (
	// findTimeout is how long a platform may take: somebody waits for what its name means.
	findTimeout = 5 * time.Second
	maxFound    = 100
)

// written lists who has written to an account. Errors: the store's.
func (s *Service) written(ctx context.Context, a message.Account) (list []Contact, err error) {
	for _, known := range s.known {
		origins, err := known(ctx, a)
		if err != nil {
			return nil, err
		}
		for _, o := range origins {
			if c := contact(o); c.ID != "" {
				list = append(list, c)
			}
		}
	}
	return list, nil
}

// contact is where something was said: a group, or the person on the other side.
func contact(o message.Origin) (c Contact) {
	if o.Conversation != nil {
		c.Kind, c.ID, c.Name = o.Conversation.Kind, o.Conversation.ID, o.Conversation.Name
	} else {
		c.Kind = wit.ConversationKindDirect
	}
	if p := o.Sender; p != nil && c.Kind == wit.ConversationKindDirect {
		c.ID, c.Sender, c.Username = cmp.Or(c.ID, p.ID), p.ID, p.Username
		if p.Name != nil {
			c.Name = p.Name
		}
	}
	return c
}

// find lists who an account can write to and is called something like query, what fits best first; all of a kind, where kind
// is not nil. asked is why the plugin could not be asked, nil where it was or has no directory.
func (s *Service) find(ctx context.Context, a message.Account, query string, kind *wit.ConversationKind) (list []Contact, asked, err error) {
	if list, err = s.written(ctx, a); err != nil {
		return nil, nil, err
	}
	within, cancel := context.WithTimeout(ctx, findTimeout)
	defer cancel()
	entries, _, asked := s.finder.Find(within, a.Channel, wit.DirectoryQuery{Account: a.ID, Query: query, Kind: kind, Limit: maxFound})
	for _, e := range entries {
		list = append(list, Contact{DirectoryEntry: e})
	}
	list = slices.DeleteFunc(list, func(c Contact) bool { return kind != nil && c.Kind != *kind || !c.like(query) })
	slices.SortStableFunc(list, func(x, y Contact) int {
		return cmp.Or(order(x.is(query), y.is(query)), strings.Compare(strings.ToLower(x.Label()), strings.ToLower(y.Label())), strings.Compare(x.ID, y.ID))
	})
	return unique(list), asked, nil
}

// order puts what is true first.
func order(x, y bool) int {
	switch {
	case x == y:
		return 0
	case x:
		return -1
	}
	return 1
}

// unique keeps the first of each: those with a name stand before those without, whose label is the id.
func unique(list []Contact) (out []Contact) {
	for _, c := range list {
		i := slices.IndexFunc(out, func(o Contact) bool {
			return o.Kind == c.Kind && (o.ID == c.ID || c.Kind == wit.ConversationKindDirect && o.person() == c.person())
		})
		switch {
		case i < 0:
			out = append(out, c)
		case out[i].Name == nil && c.Name != nil:
			c.Sender = out[i].Sender
			out[i] = c
		}
	}
	return out
}

// Label is the best that people call it by.
func (c *Contact) Label() string {
	switch {
	case c.Name != nil && *c.Name != "":
		return *c.Name
	case c.Username != nil && *c.Username != "":
		return "@" + *c.Username
	}
	return c.ID
}

// person is what messages have as their sender.
func (c *Contact) person() string { return cmp.Or(c.Sender, c.ID) }

// is reports whether somebody is called just so: by id, username or name. Letters may be large or small in names.
func (c *Contact) is(query string) bool {
	return query == c.ID || query == c.person() || c.named(query)
}

func (c *Contact) named(query string) bool {
	query = strings.TrimSpace(query)
	username := strings.TrimPrefix(query, "@")
	return query != "" && (c.Username != nil && username != "" && strings.EqualFold(username, *c.Username) || c.Name != nil && strings.EqualFold(query, *c.Name))
}

// like reports whether somebody is called something like that.
func (c *Contact) like(query string) bool {
	query = strings.ToLower(strings.TrimPrefix(strings.TrimSpace(query), "@"))
	for _, s := range []*string{c.Name, c.Username, &c.ID, &c.Sender} {
		if s != nil && strings.Contains(strings.ToLower(*s), query) {
			return true
		}
	}
	return false
}
