package agent

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

const (
	// pullSilence is how long a provider may say nothing while it fetches a model: it may have to look through all of it.
	pullSilence = 30 * time.Minute
	// pullRest is between two looks at how far it is.
	pullRest = 250 * time.Millisecond
	// maxPull bounds, in bytes, what a provider says of one model: a line many times a second, for days.
	maxPull = 1 << 30
)

// Pull is a model that a provider can be made to fetch to where it runs it. It is one goroutine's.
type Pull struct {
	// Model is provider/model.
	Model string

	models *Models
	seat   seat
	code   Puller
	plan   *wit.PullAnswer
}

// Pull finds who fetches a model, which is named as in Embed, and asks nobody for it yet.
//
// Errors: CodeInvalid for a model whose provider there is not or fetches none; the provider's.
func (m *Models) Pull(ctx context.Context, name string) (*Pull, error) {
	c, err := m.named(m.Providers(), name)
	candidates := []choice{c}
	if err != nil {
		candidates = nil
		for _, p := range m.Configured() {
			candidates = append(candidates, choice{p.ID, name})
		}
	}
	for _, c := range candidates {
		if c.model == "" {
			return nil, wit.Errorf(wit.CodeInvalid, "say which model: %s/NAME", c.provider)
		}
		p, err := m.planPull(ctx, c)
		if wit.CodeOf(err) != wit.CodeNotFound {
			return p, err
		}
	}
	return nil, wit.Errorf(wit.CodeInvalid, "no provider that is set up fetches the model %.80q: name it provider/model, of a provider that does", name)
}

// planPull has one provider say how it fetches a model. Errors: CodeNotFound for one that fetches none.
func (m *Models) planPull(ctx context.Context, c choice) (*Pull, error) {
	s := seat{c, m.keys(c.provider)[0].Name}
	code, err := m.code(s.provider, s.key)
	if err != nil {
		return nil, err
	}
	puller, ok := code.(Puller)
	if !ok {
		return nil, wit.Errorf(wit.CodeNotFound, "the provider %s fetches no models", s.provider)
	}
	plan, err := puller.Pull(ctx, &wit.PullQuery{Model: c.model})
	switch {
	case err != nil:
		return nil, err
	case plan == nil || plan.Request == nil:
		return nil, wit.Errorf(wit.CodeInternal, "the provider %s does not say how it fetches a model: report it to its author", c.provider)
	}
	return &Pull{session.ModelName(c.provider, c.model), m, s, puller, plan}, nil
}

// Run has the model fetched, and tells how far it is, until it is there. When ctx ends, the provider is left, which ends it.
//
// Errors: the provider's; CodeUnavailable for a response that ends before; CodeTimeout when ctx ends.
func (p *Pull) Run(ctx context.Context, tell func(wit.PullProgress)) error {
	if err := p.run(ctx, tell); err != nil {
		p.models.log.Warn("a model was not fetched", "model", p.Model, "error", err)
		return publicError(err)
	}
	p.models.Forget(p.seat.provider)
	p.models.rests.Worked(ctx, p.seat.provider, p.seat.key, p.seat.model)
	return nil
}

func (p *Pull) run(ctx context.Context, tell func(wit.PullProgress)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	res, err := p.code.StreamSlow(ctx, p.plan.Request, pullSilence)
	if err != nil && ctx.Err() == nil {
		err = p.models.addressed(p.seat.provider, publicError(err))
	}
	if err != nil {
		return err
	}
	framing := p.plan.Framing
	if res.Status >= 300 {
		framing = wit.FramingJSON
	}
	frames, read := newInflow(framing, p.plan.Length, maxPull, res.Body, ctx.Done())
	defer func() { // neither the body nor who reads it outlives the call
		cancel()
		_ = res.Body.Close()
		<-read
	}()
	defer context.AfterFunc(ctx, func() { _ = res.Body.Close() })()
	events := []wit.StreamEvent{{Kind: wit.StreamEventKindHead, Status: uint16(res.Status), Headers: res.Headers}}
	for {
		batch, err := frames.next()
		for i := range batch {
			events = append(events, batch[i].event())
		}
		if err != nil {
			events = append(events, endOf(err))
		}
		if done, failed := p.read(ctx, events, tell); done || failed != nil {
			return failed
		}
		if err != nil {
			return wit.NewError(wit.CodeUnavailable, "the provider's response ended before the model was there")
		}
		events = nil
		frames.rest(time.Now().Add(pullRest))
	}
}

// endOf is how a body ended.
func endOf(err error) wit.StreamEvent {
	e := wit.StreamEvent{Kind: wit.StreamEventKindEnd}
	if !errors.Is(err, io.EOF) {
		e.Error = publicError(err)
	}
	return e
}

// read hands over what has arrived.
func (p *Pull) read(ctx context.Context, events []wit.StreamEvent, tell func(wit.PullProgress)) (done bool, err error) {
	a, err := p.code.Pull(ctx, &wit.PullQuery{Model: p.seat.model, Events: events, State: p.plan.State})
	switch end := events[len(events)-1]; {
	case ctx.Err() != nil:
		return false, wit.Errorf(wit.CodeTimeout, "it was given up: %w", context.Cause(ctx))
	case err != nil:
		return false, err
	case a == nil:
		return false, nil
	case a.Error != nil:
		return false, a.Error
	case end.Error != nil && !a.Done:
		return false, end.Error
	}
	if a.Progress != nil {
		tell(*a.Progress)
	}
	if len(a.State) > 0 {
		p.plan.State = append(wit.JSON(nil), a.State...)
	}
	return a.Done, nil
}
