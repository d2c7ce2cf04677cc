package agent

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Meter counts what models are asked for, and keeps it within the owner's limits.
type Meter interface {
	// Allow is asked before each question. Its error ends the run.
	Allow(ctx context.Context, q Question) error
	// Count is told of each answer, in the transaction that appends it.
	Count(tx store.Tx, r run.Run, a Metered) error
}

// Question is what a model is about to be asked.
type Question struct {
	Provider, Model string
	// Tokens is how much the model is to read, roughly.
	Tokens int
}

// Metered is what an answer has cost.
type Metered struct {
	Provider, Model string
	Usage           wit.Usage
	// Calls are how many tools it asks for.
	Calls int
}

// unmetered counts nothing.
type unmetered struct{}

func (unmetered) Allow(context.Context, Question) error  { return nil }
func (unmetered) Count(store.Tx, run.Run, Metered) error { return nil }

// count counts an answer of which its provider has said how long it is.
func (l *loop) count(tx store.Tx, a answer) error {
	if a.usage == nil {
		return nil
	}
	return l.meter.Count(tx, l.active.Run, Metered{l.model.provider, l.model.model, *a.usage, len(a.calls)})
}

// affordable refuses a question that is beyond the owner's limits.
func (l *loop) affordable(ctx context.Context, c *wit.Chat) error {
	size := overhead(c.System, c.Tools)
	for _, t := range c.Turns {
		for _, p := range t.Content {
			if p.Text != nil {
				size += len(*p.Text)
			}
		}
		for _, call := range t.ToolCalls {
			size += len(call.Args)
		}
	}
	return l.meter.Allow(ctx, Question{l.model.provider, l.model.model, size / bytesPerToken})
}
