package delivery

import (
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// Delivered says that a message has arrived at its platform.
type Delivered struct {
	ID         string   `json:"id"`
	Channel    string   `json:"channel"`
	AccountID  string   `json:"accountId"`
	To         string   `json:"to"`
	IDs        []string `json:"ids"`
	RunID      string   `json:"runId,omitempty"`
	SessionKey string   `json:"sessionKey,omitempty"`
	TS         int64    `json:"ts"`
}

// Failed says that a message will not arrive, or (held) that the owner has to decide. IDs are the
// pieces of it that did arrive.
type Failed struct {
	Delivered
	State State      `json:"state"`
	Error *wit.Error `json:"error"`
}

// The service's events.
var (
	DeliveredKind = event.Kind[Delivered]{Name: "message.delivered", Scope: wire.ScopeRead}
	FailedKind    = event.Kind[Failed]{Name: "message.failed", Scope: wire.ScopeRead}
)
