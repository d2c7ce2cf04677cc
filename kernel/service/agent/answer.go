package agent

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// answer is what a model said to one request.
type answer struct {
	text     string
	thinking string // its beginning
	calls    []wit.ToolCall
	files    []wit.Part // that the model has made
	usage    *wit.Usage
	stop     wit.StopReason
	opaque   wit.JSON
	// broken: the stream was cut off before the model had finished.
	broken bool
}

// stopBroken is the reason that an answer has which was cut off.
const stopBroken wit.StopReason = "broken"

// cutOff is what can be kept of a broken answer: what people have read already, and a mark that it is not all. Opaque
// data is not: it belongs to all of the answer, and a provider may refuse it with a part.
func (a answer) cutOff() answer {
	const mark = "\n\n[The connection to the model broke off here.]"
	return answer{text: strings.TrimRight(a.text, " \n") + mark, files: a.files, usage: a.usage, stop: stopBroken}
}

// collector puts an answer together from its pieces.
type collector struct {
	answer
	b       strings.Builder
	thought strings.Builder
	pieces  []callPieces
	made    making
	size    int    // of the pieces' arguments
	asked   string // the model
	say     func(wit.Delta)
	ended   bool // the model has given its reason to stop
	// patience is how long a response may say nothing at its beginning, 0 for any time.
	patience time.Duration
}

// callPieces is a tool call that comes in pieces.
type callPieces struct {
	wit.ToolCall
	args strings.Builder
}

// take adds a piece. Errors are the provider's own, or CodeTooLarge.
func (c *collector) take(ctx context.Context, a *wit.ProviderAnswer) error {
	if a == nil {
		return nil
	}
	for _, d := range joined(a.Deltas) {
		if d.Kind == wit.DeltaKindThinking {
			c.thought.WriteString(d.Text[:min(len(d.Text), wit.LimitProviderThinkingBytes-c.thought.Len())])
		} else {
			if c.b.Len()+len(d.Text) > maxText {
				return errFrame("an answer", maxText)
			}
			c.b.WriteString(d.Text)
		}
		c.say(d)
	}
	c.calls = append(c.calls, a.ToolCalls...)
	if len(c.calls) > wit.ProviderAnswerToolCallsMax {
		return errCalls()
	}
	for i := range a.CallDeltas {
		if err := c.piece(&a.CallDeltas[i]); err != nil {
			return err
		}
	}
	c.made.add(ctx, a.Files)
	if a.Opaque != nil {
		c.opaque = slices.Clone(a.Opaque)
	}
	if a.Usage != nil {
		c.usage = a.Usage
		if c.usage.Model == c.asked {
			c.usage.Model = "" // which says nothing
		}
	}
	if a.Stop != nil {
		c.stop, c.ended = *a.Stop, true
	}
	if a.Error != nil {
		return a.Error
	}
	return nil
}

// joined makes one of neighbours that are of one kind.
func joined(deltas []wit.Delta) (out []wit.Delta) {
	for len(deltas) > 0 {
		first := deltas[0]
		end := slices.IndexFunc(deltas, func(d wit.Delta) bool { return d.Kind != first.Kind })
		if end < 0 {
			end = len(deltas)
		}
		if end > 1 {
			var text strings.Builder
			for _, d := range deltas[:end] {
				text.WriteString(d.Text)
			}
			first.Text = text.String()
		}
		out, deltas = append(out, first), deltas[end:]
	}
	return out
}

func errCalls() error {
	return wit.Errorf(wit.CodeTooLarge, "the model asks for more than %d tools at once", wit.ProviderAnswerToolCallsMax)
}

// piece adds a piece of a call.
func (c *collector) piece(d *wit.CallDelta) error {
	if d.Call >= wit.ProviderAnswerToolCallsMax {
		return errCalls()
	}
	for int(d.Call) >= len(c.pieces) {
		c.pieces = append(c.pieces, callPieces{})
	}
	p := &c.pieces[d.Call]
	if d.ID != "" {
		p.ID = d.ID
	}
	if d.Name != "" {
		p.Name = d.Name
	}
	if d.Opaque != nil {
		p.Opaque = slices.Clone(d.Opaque)
	}
	if c.size += len(d.Args); c.size > wit.LimitProviderArgumentsBytes {
		return errFrame("the arguments of its tool calls", wit.LimitProviderArgumentsBytes)
	}
	p.args.WriteString(d.Args)
	return nil
}

// whole returns the calls that came in pieces, which are whole once the model has finished. One without a name cannot
// be made.
func (c *collector) whole() (calls []wit.ToolCall) {
	for i := range c.pieces {
		p := &c.pieces[i]
		if p.Args = wit.JSON(p.args.String()); p.Name != "" {
			calls = append(calls, p.ToolCall)
		}
	}
	return calls
}

// finish says what of the files is left out, and checks the calls, and what the provider wants to have kept.
func (c *collector) finish() error {
	if notes := c.made.notes(); notes != "" {
		if c.b.Len() == 0 {
			notes = strings.TrimLeft(notes, "\n")
		}
		c.b.WriteString(notes)
		c.say(wit.Delta{Kind: wit.DeltaKindText, Text: notes})
	}
	c.calls = append(c.calls, c.whole()...)
	if len(c.calls) > wit.ProviderAnswerToolCallsMax {
		return errCalls()
	}
	size := len(c.opaque)
	for i := range c.calls {
		size += len(c.calls[i].Opaque)
	}
	if size > wit.LimitProviderOpaqueBytes {
		return errFrame("what it wants to have kept", wit.LimitProviderOpaqueBytes)
	}
	return nil
}

func (c *collector) result() answer {
	c.text, c.files = c.b.String(), c.made.parts
	c.thinking = strings.ToValidUTF8(c.thought.String(), "")
	if c.stop == "" {
		c.stop = wit.StopReasonEnd
	}
	return c.answer
}
