package agent

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

const (
	// afterStop is how long a stream may go on after the model has finished: usage comes last.
	afterStop = 5 * time.Second
	// pause is how long the parts of an answer are gathered once its first words are out. A reader sees no difference,
	// and the plugin, the gateway and its clients have a few steps in place of one for each token.
	pause = 33 * time.Millisecond
)

// request asks a provider once, for words alone. Each delta goes to say as it comes. Errors are coded.
func request(ctx context.Context, p Provider, chat *wit.Chat, say func(wit.Delta)) (answer, error) {
	return requestWithin(ctx, p, chat, nil, 0, say)
}

// requestWithin is request that keeps in files what the model makes, unless they are nil, and gives up a response of which nothing has come for as
// long as patience; 0 waits for it.
func requestWithin(ctx context.Context, p Provider, chat *wit.Chat, files Files, patience time.Duration, say func(wit.Delta)) (answer, error) {
	c := &collector{asked: chat.Model, say: say, patience: patience, made: making{files: files}}
	plan, err := p.Request(ctx, chat)
	switch {
	case err != nil:
		return c.result(), err
	case plan == nil || plan.Answer == nil && plan.Request == nil:
		return c.result(), wit.NewError(wit.CodeInternal, "the provider has neither a request nor an answer: report it to its author")
	case plan.Answer != nil:
		err = c.take(ctx, plan.Answer)
	default:
		err = c.stream(ctx, p, plan)
	}
	if err == nil {
		err = c.finish()
	}
	return c.result(), err
}

// stream makes the plan's request and hands the response to the provider: in one call all that has arrived
// since the last one.
func (c *collector) stream(ctx context.Context, p Provider, plan *wit.ProviderPlan) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	heard := func() bool { return true }
	if c.patience > 0 {
		heard = time.AfterFunc(c.patience, func() { cancel(errSilent) }).Stop
		defer heard()
	}
	res, err := p.Stream(ctx, plan.Request)
	if err != nil && errors.Is(context.Cause(ctx), errSilent) {
		err = wit.Errorf(wit.CodeTimeout, "the model has said nothing for %s: %w", c.patience, errSilent)
	}
	if err != nil {
		return err
	}
	framing := plan.Framing
	if res.Status >= 300 {
		framing = wit.FramingJSON // an error is a body, whatever a success would have been
	}
	frames, read := newInflow(framing, plan.Length, maxStream, c.made.lifting(ctx, plan, framing, res.Body), ctx.Done())
	defer func() { // neither the body nor who reads it outlives the call
		cancel(nil)
		_ = res.Body.Close()
		<-read
	}()
	defer context.AfterFunc(ctx, func() { _ = res.Body.Close() })() // no read outlives the run
	f := &feed{collector: c, provider: p, state: plan.State}
	// The head says nothing alone: it goes with what comes first after it.
	f.add(wit.StreamEvent{Kind: wit.StreamEventKindHead, Status: uint16(res.Status), Headers: res.Headers})
	for {
		batch, err := frames.next()
		if len(batch) > 0 {
			heard()
		}
		for i := range batch {
			f.add(batch[i].event())
		}
		if err != nil {
			return f.close(ctx, err)
		}
		ended := c.ended
		if err := f.flush(ctx); err != nil {
			if ctx.Err() != nil {
				return f.close(ctx, err) // it failed since the stream was given up, just now
			}
			return err
		}
		switch {
		case c.ended:
			frames.rest(time.Time{})
		case f.spoke:
			frames.rest(beat(time.Now()))
		}
		if c.ended && !ended {
			late := time.AfterFunc(afterStop, func() { cancel(errLate) })
			defer late.Stop()
		}
	}
}

// beat is when a pause that begins now ends: half a pause to one and a half later, at a moment that all streams have in common. What
// many of them say reaches a client together then, in one write.
func beat(now time.Time) time.Time {
	left := pause - time.Duration(now.UnixNano())%pause
	if left < pause/2 {
		left += pause
	}
	return now.Add(left)
}

var (
	errLate   = errors.New("the stream stayed open after its end")
	errSilent = errors.New("nothing came")
)

// feed hands events to a provider, with the state that its last answer left.
type feed struct {
	*collector
	provider Codec
	state    wit.JSON
	like     *wit.EventPattern // which the provider need not read
	read     []wit.Delta       // what was read of such events
	events   []wit.StreamEvent // not handed over yet
	spoke    bool              // words were given out
}

// add reads an event that is like the last ones, or keeps it for the provider.
func (f *feed) add(e wit.StreamEvent) {
	if len(f.events) == 0 {
		if d, ok := alike(f.like, &e); ok {
			f.read = append(f.read, d)
			return
		}
	}
	f.events = append(f.events, e)
}

// flush takes what was read, hands over what there is beside, in one call, and takes the answer.
func (f *feed) flush(ctx context.Context) error {
	if len(f.read) > 0 {
		err := f.take(ctx, &wit.ProviderAnswer{Deltas: f.read})
		if f.read = nil; err != nil || len(f.events) == 0 {
			return err
		}
	}
	a, err := f.provider.Chunk(ctx, &wit.ProviderChunk{State: f.state, Events: f.events})
	f.events, f.like = nil, nil
	if err != nil {
		return err
	}
	if a != nil {
		f.like = a.Like
	}
	if a != nil && len(a.State) > 0 {
		f.state = slices.Clone(a.State)
	}
	f.spoke = f.spoke || a != nil && len(a.Deltas) > 0
	return f.take(ctx, a)
}

// close tells the provider how the body ended. A regular end goes with the last events; that the body broke
// off is said once it is known that the model had not finished before.
func (f *feed) close(ctx context.Context, err error) error {
	regular := errors.Is(err, io.EOF)
	if len(f.events)+len(f.read) > 0 && !regular && ctx.Err() == nil {
		if err := f.flush(ctx); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		if f.ended {
			return nil // all that the model had to say is there
		}
		return wit.Errorf(wit.CodeTimeout, "the stream was given up: %w", context.Cause(ctx))
	}
	end := wit.StreamEvent{Kind: wit.StreamEventKindEnd}
	if !regular && !f.ended {
		if wit.CodeOf(err) == wit.CodeInternal {
			err = wit.Errorf(wit.CodeUnavailable, "the provider's stream broke off: %w", err)
		}
		end.Error = wit.AsError(err)
		f.broken = end.Error.Retryable
	}
	f.add(end)
	if failed := f.flush(ctx); failed != nil {
		return failed
	}
	switch {
	case f.ended:
		return nil // also if the provider knows only now that the model had finished
	case end.Error != nil:
		return end.Error
	}
	f.broken = true
	return wit.NewError(wit.CodeUnavailable, "the provider's stream ended before the model had finished")
}
