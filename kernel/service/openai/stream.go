package openai

import (
	"cmp"
	"net/http"

	"github.com/carapace-gateway/carapace/kernel/service/endpoint"
	"github.com/carapace-gateway/carapace/kernel/service/run"
)

// chunks writes an answer in pieces. What was written between two looks is one piece and one flush.
type chunks struct {
	out   *endpoint.Stream
	head  completion
	usage bool // the last piece says how much was used, and the others that they do not
}

// chunk is a piece; its usage is there, and null, where the client wants to know.
type chunk struct {
	completion
	Usage *usage `json:"usage"`
}

// add adds a piece that says something; why is set in the last one.
func (c *chunks) add(d delta, why *string) {
	c.put([]choice{{Delta: &d, FinishReason: why}}, nil)
}

func (c *chunks) put(choices []choice, used *usage) {
	piece := c.head
	piece.Choices = choices
	if c.usage {
		c.out.Event("", chunk{piece, used})
		return
	}
	c.out.Event("", piece)
}

// Say implements audience.
func (c *chunks) Say(text string) error {
	if text == "" {
		c.out.Comment()
	} else {
		c.add(delta{Content: &text}, nil)
	}
	return c.out.Flush()
}

// end says how the run ended.
func (c *chunks) end(done run.Run) {
	for i, call := range toolCalls(done.Calls) {
		args := call.Function.Arguments
		call.Index, call.Function.Arguments = &i, ""
		c.add(delta{ToolCalls: []toolCall{call}}, nil)
		c.add(delta{ToolCalls: []toolCall{{Index: &i, Function: functionCall{Arguments: args}}}}, nil)
	}
	c.add(delta{}, new(finish(done)))
	if c.usage {
		c.put([]choice{}, usageOf(done.Usage))
	}
}

// stream answers in pieces. An answer that has begun and fails has the failure as its last piece, since its status is out.
func (s *Service) stream(w http.ResponseWriter, r *http.Request, q completionRequest, asked run.Run, head completion) error {
	head.Object = "chat.completion.chunk"
	began := &opening{begin: func() audience {
		c := &chunks{out: endpoint.NewStream(w), head: head, usage: q.StreamOptions.IncludeUsage}
		c.add(delta{Role: "assistant", Content: new("")}, nil)
		return c
	}}
	done, err := s.turn(r.Context(), asked, began)
	err = cmp.Or(err, done.Failure())
	if err != nil && began.to == nil {
		return err
	}
	c := began.audience().(*chunks)
	if err != nil {
		c.out.Event("", failed{describe(err)})
	} else {
		c.end(done)
	}
	c.out.Data("", "[DONE]")
	_ = c.out.Flush() // the client may be gone by now
	return nil
}

// opening is an audience that begins with the first word, so that what fails before is an error with its own status.
type opening struct {
	begin func() audience
	to    audience
}

func (o *opening) audience() audience {
	if o.to == nil {
		o.to = o.begin()
	}
	return o.to
}

// Say implements audience.
func (o *opening) Say(text string) error { return o.audience().Say(text) }
