package agent

import (
	"context"

	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Meter counts what models are asked for, and keeps it within the owner's limits.
type Meter interface {
	// Allow is asked before each question. Its error ends what the question is for.
	Allow(ctx context.Context, q Question) (Permit, error)
	// Count is told of each answer, in the transaction that appends it.
	Count(tx store.Tx, by Spender, a Metered) error
	// Spent is told of each answer that is appended to nothing. Errors: the store's.
	Spent(ctx context.Context, by Spender, a Metered) error
}

// Spender is for what, or for whom, a model was asked: a session that somebody began in a channel, or neither.
type Spender struct {
	Session        session.Key
	Agent, Channel string
}

// Question is what a model is about to be asked.
type Question struct {
	Provider, Model string
	// Tokens is how much the model is to read, roughly.
	Tokens int
	// MaxTokens bounds the answer; 0 does not.
	MaxTokens uint32
}

// Permit lets a model be asked.
type Permit struct {
	// MaxTokens bounds the answer; 0 does not.
	MaxTokens uint32
	// Release gives back what was kept for the answer, once it is counted or there is none. It may be called again.
	Release func()
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

func (unmetered) Allow(_ context.Context, q Question) (Permit, error) {
	return Permit{q.MaxTokens, func() {}}, nil
}
func (unmetered) Count(store.Tx, Spender, Metered) error        { return nil }
func (unmetered) Spent(context.Context, Spender, Metered) error { return nil }

// count counts an answer of which its provider has said how long it is.
func (l *loop) count(tx store.Tx, a answer) error {
	if a.usage == nil {
		return nil
	}
	r := l.active.Run
	by := Spender{r.Session, r.Session.Agent(), r.Origin.Channel}
	return l.models.meter.Count(tx, by, Metered{l.model.provider, l.model.model, *a.usage, len(a.calls)})
}

// spent counts an answer that is appended to nothing. One that cannot be counted was given all the same.
func (m *Models) spent(ctx context.Context, by Spender, a Metered) {
	if err := m.meter.Spent(context.WithoutCancel(ctx), by, a); err != nil {
		m.log.Error("what a model was asked for is not counted", "provider", a.Provider, "model", a.Model, "error", err)
	}
}

// afford refuses a question that is beyond the owner's limits, and bounds the answer of one that is near to them. release is called once
// the answer is counted, or there is none.
func (m *Models) afford(ctx context.Context, c choice, chat *wit.Chat) (release func(), err error) {
	size := overhead(chat.System, chat.Tools)
	for _, t := range chat.Turns {
		for _, p := range t.Content {
			if p.Text != nil {
				size += len(*p.Text)
			}
		}
		for _, call := range t.ToolCalls {
			size += len(call.Args)
		}
	}
	p, err := m.meter.Allow(ctx, Question{c.provider, c.model, size / bytesPerToken, chat.MaxTokens})
	if err != nil {
		return nil, err
	}
	chat.MaxTokens = p.MaxTokens
	return p.Release, nil
}
