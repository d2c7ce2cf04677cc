package agent

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

const (
	// afterStop is how long a stream may go on after the model has finished: usage comes last.
	afterStop = 5 * time.Second
	// maxCalls is how many tools one answer may ask for.
	maxCalls = 32
)

// answer is what a model said to one request.
type answer struct {
	text  string
	calls []wit.ToolCall
	usage *wit.Usage
	stop  wit.StopReason
}

// collector puts an answer together from its pieces.
type collector struct {
	answer
	b     strings.Builder
	say   func(wit.Delta)
	ended bool // the model has given its reason to stop
}

// take adds a piece. Errors are the provider's own, or CodeTooLarge.
func (c *collector) take(a *wit.ProviderAnswer) error {
	if a == nil {
		return nil
	}
	for _, d := range a.Deltas {
		if d.Kind != wit.DeltaKindThinking {
			if c.b.Len()+len(d.Text) > maxText {
				return errFrame("an answer", maxText)
			}
			c.b.WriteString(d.Text)
		}
		c.say(d)
	}
	c.calls = append(c.calls, a.ToolCalls...)
	if len(c.calls) > maxCalls {
		return wit.Errorf(wit.CodeTooLarge, "the model asks for more than %d tools at once", maxCalls)
	}
	if a.Usage != nil {
		c.usage = a.Usage
	}
	if a.Stop != nil {
		c.stop, c.ended = *a.Stop, true
	}
	if a.Error != nil {
		return a.Error
	}
	return nil
}

func (c *collector) result() answer {
	c.text = c.b.String()
	if c.stop == "" {
		c.stop = wit.StopReasonEnd
	}
	return c.answer
}

// request asks a provider once. Each delta goes to say as it comes. Errors are coded.
func request(ctx context.Context, p Provider, chat *wit.Chat, say func(wit.Delta)) (answer, error) {
	c := &collector{say: say}
	plan, err := p.Request(ctx, chat)
	switch {
	case err != nil:
		return c.result(), err
	case plan == nil || plan.Answer == nil && plan.Request == nil:
		return c.result(), wit.NewError(wit.CodeInternal, "the provider has neither a request nor an answer: report it to its author")
	case plan.Answer != nil:
		err = c.take(plan.Answer)
		return c.result(), err
	}
	err = c.stream(ctx, p, plan)
	return c.result(), err
}

// stream makes the plan's request and hands the response to the provider, piece by piece.
func (c *collector) stream(ctx context.Context, p Provider, plan *wit.ProviderPlan) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	res, err := p.Stream(ctx, plan.Request)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	defer context.AfterFunc(ctx, func() { res.Body.Close() })() // no read outlives the run
	state := plan.State
	chunk := func(ch *wit.ProviderChunk) error {
		ch.State = state
		ch.Status, ch.Headers = uint16(res.Status), res.Headers
		a, err := p.Chunk(ctx, ch)
		if err != nil {
			return err
		}
		if a != nil && len(a.State) > 0 {
			state = slices.Clone(a.State)
		}
		return c.take(a)
	}
	if err := chunk(&wit.ProviderChunk{Kind: wit.ChunkKindHead}); err != nil {
		return err
	}
	framing := plan.Framing
	if res.Status >= 300 {
		framing = wit.FramingJSON // an error is a body, whatever a success would have been
	}
	frames := newFramer(framing, res.Body)
	for {
		f, err := frames.Next()
		if err != nil {
			return c.close(ctx, err, chunk)
		}
		var name *string
		if f.name != "" {
			name = &f.name
		}
		ended := c.ended
		if err := chunk(&wit.ProviderChunk{Kind: wit.ChunkKindData, Name: name, Data: f.data}); err != nil {
			return err
		}
		if c.ended && !ended {
			late := time.AfterFunc(afterStop, func() { cancel(errLate) })
			defer late.Stop()
		}
	}
}

var errLate = errors.New("the stream stayed open after its end")

// close tells the provider how the body ended.
func (c *collector) close(ctx context.Context, err error, chunk func(*wit.ProviderChunk) error) error {
	end := &wit.ProviderChunk{Kind: wit.ChunkKindEnd}
	if c.ended {
		// All that the model had to say is there.
		if ctx.Err() != nil {
			return nil
		}
		return chunk(end)
	}
	if ctx.Err() != nil {
		return wit.Errorf(wit.CodeTimeout, "the stream was given up: %w", context.Cause(ctx))
	}
	if !errors.Is(err, io.EOF) {
		if wit.CodeOf(err) == wit.CodeInternal {
			err = wit.Errorf(wit.CodeUnavailable, "the provider's stream broke off: %w", err)
		}
		end.Error = wit.AsError(err)
	}
	if failed := chunk(end); failed != nil {
		return failed
	}
	if end.Error != nil {
		return end.Error
	}
	if !c.ended {
		return wit.NewError(wit.CodeUnavailable, "the provider's stream ended before the model had finished")
	}
	return nil
}
