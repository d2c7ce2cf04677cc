// Package voicewake keeps the words by which a voice wakes the assistant: what apps listen for. The listening is theirs; all of
// them hear of a change, and a node hears the words when it comes.
//
// The words are one row of the store, and nothing else is kept. Everything is safe for concurrent use.
package voicewake

import (
	"context"
	"slices"
	"strings"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// Defaults are the words that wake while nobody has chosen others.
func Defaults() []string { return []string{"carapace", "computer"} }

// Bounds of the words.
const (
	maxTriggers = 32
	maxTrigger  = 64 // bytes
)

// Triggers are the words.
type Triggers struct {
	Triggers []string `json:"triggers"`
}

// The event goes to operators' clients, and to nodes.
var (
	Changed      = event.Kind[Triggers]{Name: "voicewake.changed", Scope: wire.ScopeRead}
	changedNodes = event.Kind[Triggers]{Name: "voicewake.changed", Scope: wire.ScopeNode}
)

// Deps is what the service stands on.
type Deps struct {
	Store store.Store
	Bus   *event.Bus
	Log   hclog.Logger
}

// Service keeps the words.
type Service struct{ d Deps }

// New returns the service.
func New(d Deps) *Service {
	d.Log = d.Log.Named("voicewake")
	return &Service{d}
}

// Service names what this is to the kernel.
func (s *Service) Service() service.Service {
	return service.Service{
		Name: "voicewake", Events: []event.Row{Changed.Row()}, Joined: s.joined,
		Methods: []rpc.Method{
			rpc.New("voicewake.get", wire.ScopeRead, s.get).Doc("Lists the words that wake the assistant."),
			rpc.New("voicewake.set", wire.ScopeWrite, s.set).Emits("voicewake.changed").
				Doc("Chooses them; none are the gateway's own."),
		},
	}
}

const (
	table = store.Table[Triggers]("voicewake")
	row   = "triggers"
)

func (s *Service) get(ctx context.Context, _ rpc.None) (t Triggers, err error) {
	err = s.d.Store.View(ctx, func(tx store.Tx) error {
		t, err = table.Get(tx, row)
		return err
	})
	if wit.CodeOf(err) == wit.CodeNotFound {
		return Triggers{Defaults()}, nil
	}
	return t, err
}

// SetParams are the words. What is empty or there twice is left away; at most 64 bytes of each count.
type SetParams struct {
	Triggers []string `json:"triggers" rpc:"required,max=1000"`
}

func (s *Service) set(ctx context.Context, p SetParams) (Triggers, error) {
	t := Triggers{clean(p.Triggers)}
	err := s.d.Store.Update(ctx, func(tx store.Tx) error { return table.Put(tx, row, t) })
	if err != nil {
		return Triggers{}, err
	}
	Changed.Publish(s.d.Bus, t)
	changedNodes.Publish(s.d.Bus, t)
	return t, nil
}

// clean are the words that can be listened for, the first of them.
func clean(words []string) []string {
	var list []string
	for _, w := range words {
		if w = strings.Join(strings.Fields(w), " "); len(w) > maxTrigger {
			w = strings.TrimSpace(strings.ToValidUTF8(w[:maxTrigger], ""))
		}
		same := func(other string) bool { return strings.EqualFold(w, other) }
		if w != "" && len(list) < maxTriggers && !slices.ContainsFunc(list, same) {
			list = append(list, w)
		}
	}
	if len(list) == 0 {
		return Defaults()
	}
	return list
}

// joined tells a node that comes which words there are.
func (s *Service) joined(ctx context.Context, c *rpc.Caller) (left func()) {
	if c.Role != wire.RoleNode {
		return nil
	}
	t, err := s.get(ctx, rpc.None{})
	if err != nil {
		s.d.Log.Error("a node was not told the words that wake", "error", err)
		return nil
	}
	changedNodes.Publish(s.d.Bus, t, c.ConnID)
	return nil
}
