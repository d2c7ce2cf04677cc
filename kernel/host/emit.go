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

// EmittedKind carries plugins' events to clients. It is one kind for all of them, with the plugin's name inside, so
// that no plugin can speak as the gateway.
var EmittedKind = event.Kind[Emitted]{Name: "plugins.event", Scope: wire.ScopeRead, DropIfSlow: true}

// emitter publishes one plugin's events, of all its versions at one rate.
type emitter struct {
	plugin string
	bus    *event.Bus
	rate   *bucket
}

func newEmitter(plugin string, bus *event.Bus) *emitter {
	return &emitter{plugin: plugin, bus: bus, rate: newBucket(wit.LimitEmitPerSecond, wit.LimitEmitBurst)}
}

// Publish is the guest's. That it is done says that the event is on its way, not that anybody hears it.
func (e *emitter) Publish(_ context.Context, ev *wit.EmittedEvent) (*wit.Done, error) {
	if wait := e.rate.take(); wait > 0 {
		return nil, tooOften("emit", wait)
	}
	EmittedKind.Publish(e.bus, Emitted{Plugin: e.plugin, Name: ev.Name, Payload: ev.Payload})
	return &wit.Done{OK: true}, nil
}
