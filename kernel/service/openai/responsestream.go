package openai

import (
	"cmp"
	"net/http"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/service/endpoint"
	"github.com/carapace-gateway/carapace/kernel/service/run"
)

// progress is an event of a streamed response.
type progress struct {
	Type     string    `json:"type"`
	Sequence int       `json:"sequence_number"`
	Response *response `json:"response,omitempty"`
	// Which part of the output it is about.
	OutputIndex  *int        `json:"output_index,omitempty"`
	ContentIndex *int        `json:"content_index,omitempty"`
	ItemID       string      `json:"item_id,omitempty"`
	Item         *outputItem `json:"item,omitempty"`
	Part         *outputPart `json:"part,omitempty"`
	Delta        string      `json:"delta,omitempty"`
	Text         *string     `json:"text,omitempty"`
	Name         string      `json:"name,omitempty"`
	Arguments    *string     `json:"arguments,omitempty"`
	Logprobs     []string    `json:"logprobs,omitzero"`
}

// responses writes a response while it is made. The message is its first item, and begins with the first word.
type responses struct {
	out  *endpoint.Stream
	head response
	seq  int
	text strings.Builder
}

func (w *responses) event(p progress) {
	p.Sequence = w.seq
	w.seq++
	w.out.Event(p.Type, p)
}

// Say implements audience.
func (w *responses) Say(text string) error {
	if text == "" {
		w.out.Comment()
		return w.out.Flush()
	}
	if w.text.Len() == 0 {
		item, part := w.head.message("in_progress"), spoken("")
		w.event(progress{Type: "response.output_item.added", OutputIndex: new(0), Item: &item})
		w.event(progress{Type: "response.content_part.added", OutputIndex: new(0), ContentIndex: new(0), ItemID: item.ID, Part: &part})
	}
	w.text.WriteString(text)
	w.event(progress{Type: "response.output_text.delta", OutputIndex: new(0), ContentIndex: new(0), ItemID: w.head.message("").ID, Delta: text, Logprobs: []string{}})
	return w.out.Flush()
}

// end says what came of the run.
func (w *responses) end(done run.Run) {
	whole := w.head.ended(done, w.text.String())
	for i := range whole.Output {
		item := whole.Output[i]
		if item.Type == "message" {
			w.endMessage(item)
		} else {
			w.call(i, item)
		}
		w.event(progress{Type: "response.output_item.done", OutputIndex: &i, Item: &item})
	}
	w.event(progress{Type: "response." + whole.Status, Response: &whole})
}

func (w *responses) endMessage(item outputItem) {
	part := item.Content[0]
	w.event(progress{Type: "response.output_text.done", OutputIndex: new(0), ContentIndex: new(0), ItemID: item.ID, Text: &part.Text, Logprobs: []string{}})
	w.event(progress{Type: "response.content_part.done", OutputIndex: new(0), ContentIndex: new(0), ItemID: item.ID, Part: &part})
}

func (w *responses) call(i int, item outputItem) {
	begun := item
	begun.Status, begun.Arguments = "in_progress", new("")
	w.event(progress{Type: "response.output_item.added", OutputIndex: &i, Item: &begun})
	w.event(progress{Type: "response.function_call_arguments.delta", OutputIndex: &i, ItemID: item.ID, Delta: *item.Arguments})
	w.event(progress{Type: "response.function_call_arguments.done", OutputIndex: &i, ItemID: item.ID, Name: item.Name, Arguments: item.Arguments})
}

// fail says why there is no more.
func (w *responses) fail(err error) {
	f, whole := describe(err), w.head
	whole.Status, whole.Error = "failed", &responseError{Code: f.Type, Message: f.Message}
	if f.Code != nil {
		whole.Error.Code = *f.Code
	}
	w.event(progress{Type: "response.failed", Response: &whole})
}

// streamResponse answers in events.
func (s *Service) streamResponse(w http.ResponseWriter, r *http.Request, asked run.Run, head response) error {
	began := &opening{begin: func() audience {
		out := &responses{out: endpoint.NewStream(w), head: head}
		out.event(progress{Type: "response.created", Response: &head})
		out.event(progress{Type: "response.in_progress", Response: &head})
		return out
	}}
	done, err := s.turn(r.Context(), asked, began)
	err = cmp.Or(err, done.Failure())
	if err != nil && began.to == nil {
		return err
	}
	out := began.audience().(*responses)
	if err != nil {
		out.fail(err)
	} else {
		out.end(done)
	}
	_ = out.out.Flush() // the client may be gone by now
	return nil
}
