package host

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// Emitted is an event that a plugin publishes.
type Emitted struct {
	Plugin  string   `json:"plugin"`
	Name    string   `json:"name"`
	Payload wit.JSON `json:"payload"`
}

// EmittedKind carries plugins' events to clients.
var EmittedKind = event.Kind[Emitted]{Name: "plugins.event", Scope: wire.ScopeRead, DropIfSlow: true}

func (g *Guest) emitPublish(_ context.Context, e *wit.EmittedEvent) (*wit.Done, error) {
	if wait := g.used.emit.take(); wait > 0 {
		return nil, tooOften("emit", wait)
	}
	EmittedKind.Publish(g.host.deps.Bus, Emitted{Plugin: g.ID, Name: e.Name, Payload: e.Payload})
	return &wit.Done{OK: true}, nil
}
