package agent

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/wit"
)

// Approver says whether a tool may be called.
type Approver interface {
	// Approve returns "" for a call that may be made, else why not, for the model. It may wait for people until ctx ends, of which
	// it tells by progress, and is asked about the same call again when the run goes on after a crash. A call of no run, whose ID
	// is "", does not come again. An error keeps the call from being made.
	Approve(ctx context.Context, r run.Run, call wit.ToolCall, d wit.ToolDefinition, args wit.JSON, progress func(text string)) (refused string, err error)
}

// everything may be called.
type everything struct{}

func (everything) Approve(context.Context, run.Run, wit.ToolCall, wit.ToolDefinition, wit.JSON, func(string)) (string, error) {
	return "", nil
}
