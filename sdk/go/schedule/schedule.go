// Package schedule is for plugins that ask to be called later, with Host.Schedule.
package schedule

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/internal/guest"
	"github.com/carapace-gateway/carapace/wit"
)

// Handler is called when a job is due.
type Handler interface {
	// Fire handles a job. A job whose handling fails is due again, so the same one may come twice.
	Fire(host *sdk.Host, firing *wit.Firing) (*wit.Done, error)
}

var plugins guest.Table[Handler]

// Register says that this module's plugin id handles its jobs. It is called from an init function.
func Register(id string, handler Handler) { plugins.Register(id, handler) }

// Call calls an export of a handler by its name, with its parameter and result as JSON. It is what the
// module's exports do, and what tests use to replay a transcript.
func Call(host *sdk.Host, handler Handler, export string, input []byte) ([]byte, error) {
	if export == "schedule_fire" {
		return guest.Handle(host, input, new(wit.Firing), handler.Fire)
	}
	return nil, guest.Missing(export)
}
