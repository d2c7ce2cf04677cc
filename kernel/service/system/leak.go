package system

import (
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// LeakKind tells the owner that a plugin had a credential in its hands that is none of its own.
var LeakKind = event.Kind[Leak]{Name: "credentials.leak", Scope: wire.ScopeAdmin}

// Leak is what was found. It does not have the value.
type Leak struct {
	// Plugin wrote it, and Where it did: the url, a header, the body, a frame or the log.
	Plugin string `json:"plugin"`
	Where  string `json:"where"`
	// Credential is what was found. Without a name it is a secret of the gateway itself.
	Credential Credential `json:"credential"`
	// Refused says that it was not sent; what is logged has the value taken out.
	Refused bool  `json:"refused"`
	At      int64 `json:"at"`
}
