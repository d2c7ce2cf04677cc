package host

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

const (
	maxEventName    = 64
	maxEventPayload = 64 << 10
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
	if !validEventName(e.Name) {
		return nil, wit.Errorf(wit.CodeInvalid, "emit: %.40q is not an event's name: use 1 to %d of a-z 0-9 . _ -", e.Name, maxEventName)
	}
	if len(e.Payload) > maxEventPayload {
		return nil, wit.Errorf(wit.CodeTooLarge, "emit: the payload of %s has %d bytes, at most %d are published", e.Name, len(e.Payload), maxEventPayload)
	}
	if wait := g.used.emit.take(); wait > 0 {
		return nil, tooOften("emit", wait)
	}
	EmittedKind.Publish(g.host.deps.Bus, Emitted{Plugin: g.ID, Name: e.Name, Payload: e.Payload})
	return &wit.Done{OK: true}, nil
}

func validEventName(name string) bool {
	for _, c := range []byte(name) {
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-') {
			return false
		}
	}
	return name != "" && len(name) <= maxEventName
}
