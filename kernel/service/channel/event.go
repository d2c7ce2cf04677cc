package channel

import (
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// Changed says that an account's state is another one.
type Changed struct {
	Channel string `json:"channel"`
	Account string `json:"accountId"`
	// State is what the plugin says of the account; Phase is what the gateway does about it: idle, waiting (for
	// another gateway that runs it), running, stopped, off, disabled, invalid (it cannot run with its settings) or failed.
	State   wit.ConnectionState `json:"state,omitempty"`
	Phase   string              `json:"phase"`
	Message string              `json:"message,omitempty"`
	// Login says that a code waits to be scanned, or an address to be opened: channels.status shows it to administrators.
	Login bool `json:"login,omitempty"`
}

// Receipt is what a platform says about messages and members.
type Receipt struct {
	Channel string      `json:"channel"`
	Account string      `json:"accountId"`
	Receipt wit.Receipt `json:"receipt"`
}

// The service's events. None carries what somebody wrote.
var (
	ChangedKind = event.Kind[Changed]{Name: "channels.changed", Scope: wire.ScopeRead}
	ReceiptKind = event.Kind[Receipt]{Name: "message.receipt", Scope: wire.ScopeRead, DropIfSlow: true}
)
