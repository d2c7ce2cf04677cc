// Package hook is for plugins that are asked at named moments. The manifest says which, with what
// priority and deadline, and whether the kernel goes on without an answer. Which hooks may modify or
// cancel is the kernel's table.
package hook

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/internal/guest"
	"github.com/carapace-gateway/carapace/wit"
)

// Hook is a plugin with one or more hooks.
type Hook interface {
	// Handle answers an event. The event's own record (wit.MessageSending, …) is in event.Event. A nil
	// decision lets everything pass as it is.
	Handle(host *sdk.Host, event *wit.HookEvent) (*wit.HookDecision, error)
}

var plugins guest.Table[Hook]

// Register says that this module is, or holds, the hook plugin id. It is called from an init function.
func Register(id string, hook Hook) { plugins.Register(id, hook) }

// Call calls an export of a hook by its name, with its parameter and result as JSON. It is what the
// module's exports do, and what tests use to replay a transcript.
func Call(host *sdk.Host, hook Hook, export string, input []byte) ([]byte, error) {
	if export == "hook_handle" {
		return guest.Handle(host, input, new(wit.HookEvent), hook.Handle)
	}
	return nil, guest.Missing(export)
}
