package inbox

import (
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// Received says that a message came in, and what became of it. It does not carry what was written.
type Received struct {
	Channel      string          `json:"channel"`
	Account      string          `json:"accountId"`
	ID           string          `json:"id"` // the platform's
	Kind         wit.MessageKind `json:"kind"`
	Conversation string          `json:"conversation"`
	Sender       string          `json:"sender,omitempty"`
	Verdict      Verdict         `json:"verdict"`
}

// DeadLetterEvent says that a dead letter was recorded.
type DeadLetterEvent struct {
	Channel string `json:"channel"`
	Account string `json:"accountId"`
	ID      string `json:"id"` // the dead letter's
	Reason  string `json:"reason"`
}

// The events about what is committed here. Who commits publishes them, when the account is as they say.
var (
	ReceivedKind   = event.Kind[Received]{Name: "message.received", Scope: wire.ScopeRead, DropIfSlow: true}
	DeadLetterKind = event.Kind[DeadLetterEvent]{Name: "channels.poison", Scope: wire.ScopeRead}
)
