package directory

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

func (s *Service) methods() []rpc.Method {
	return []rpc.Method{
		rpc.New("channels.directory", wire.ScopeRead, s.list).Fails(wire.NotFound).
			Doc("Lists the people and conversations of an account, by a part of what they are called."),
		rpc.New("channels.resolve", wire.ScopeRead, s.resolve).Fails(wire.NotFound, wire.Conflict).
			Doc("Says whom a name means; one that several have is an error that lists them."),
	}
}

// ListParams select contacts.
type ListParams struct {
	Channel string `json:"channel" rpc:"required,min=1,max=128"`
	// AccountID is the channel's first account when absent.
	AccountID string `json:"accountId,omitempty" rpc:"min=1,max=128"`
	// Query is a part of a name, a username or an id; all when empty.
	Query string `json:"query,omitempty" rpc:"max=1024"`
	// Kind is direct for people.
	Kind wit.ConversationKind `json:"kind,omitempty" rpc:"enum=direct|group|channel"`
	// Limit is 25 when left out.
	Limit int `json:"limit,omitempty" rpc:"min=1,max=100"`
}

// ListResult is who there is, what fits best first.
type ListResult struct {
	Channel   string `json:"channel"`
	AccountID string `json:"accountId"`
	Entries   []Row  `json:"entries"`
	// Incomplete says why the channel's own directory could not be asked.
	Incomplete string `json:"incomplete,omitempty"`
}

// Row is somebody, or a conversation.
type Row struct {
	Kind wit.ConversationKind `json:"kind"`
	// ID is what messages are sent to.
	ID       string `json:"id"`
	Name     string `json:"name,omitempty"`
	Username string `json:"username,omitempty"`
	// SenderID is a person's: what messages have as their sender, and allow-lists name.
	SenderID string `json:"senderId,omitempty"`
}

// defaultLimit is how many entries a list has when the client names no limit.
const defaultLimit = 25

func (s *Service) list(ctx context.Context, in ListParams) (ListResult, error) {
	a, err := s.accounts.Account(in.Channel, in.AccountID)
	if err != nil {
		return ListResult{}, err
	}
	var kind *wit.ConversationKind
	if in.Kind != "" {
		kind = &in.Kind
	}
	list, asked, err := s.find(ctx, a, in.Query, kind)
	out := ListResult{Channel: a.Channel, AccountID: a.ID, Entries: []Row{}}
	if asked != nil {
		out.Incomplete = wit.AsError(asked).Message
	}
	limit := in.Limit
	if limit == 0 {
		limit = defaultLimit
	}
	for _, c := range list[:min(len(list), limit)] {
		out.Entries = append(out.Entries, c.row())
	}
	return out, err
}

func (c *Contact) row() Row {
	r := Row{Kind: c.Kind, ID: c.ID}
	if c.Name != nil {
		r.Name = *c.Name
	}
	if c.Username != nil {
		r.Username = *c.Username
	}
	if c.Kind == wit.ConversationKindDirect {
		r.SenderID = c.person()
	}
	return r
}

// ResolveParams name somebody, or a conversation.
type ResolveParams struct {
	Channel   string `json:"channel" rpc:"required,min=1,max=128"`
	AccountID string `json:"accountId,omitempty" rpc:"min=1,max=128"`
	// Name is an id, a @username or a name, whole.
	Name string `json:"name" rpc:"required,min=1,max=1024"`
}

// ResolveResult is whom a name means.
type ResolveResult struct {
	Channel   string `json:"channel"`
	AccountID string `json:"accountId"`
	Entry     Row    `json:"entry"`
}

func (s *Service) resolve(ctx context.Context, in ResolveParams) (ResolveResult, error) {
	a, err := s.accounts.Account(in.Channel, in.AccountID)
	if err != nil {
		return ResolveResult{}, err
	}
	c, known, err := s.Resolve(ctx, a, in.Name)
	if err == nil && !known {
		err = wit.Errorf(wit.CodeNotFound, "%s knows nobody who is called %.100q: `carapace directory %s` lists whom it knows", a, in.Name, a.Channel)
	}
	return ResolveResult{Channel: a.Channel, AccountID: a.ID, Entry: c.row()}, err
}
