package openai

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/wait"
	"github.com/carapace-gateway/carapace/wit"
)

// event reads one event of a stream of the Responses API. Until the head has said that all is well, data is the body of a
// failure.
func (s *response) event(event *wit.StreamEvent, answer *wit.ProviderAnswer) {
	data := strings.TrimSpace(event.Data)
	switch {
	case s.done:
		// What comes after the end says nothing.
	case event.Kind == wit.StreamEventKindHead:
		s.status, s.Waits = int64(event.Status), wait.Head(event.Headers)
	case event.Kind == wit.StreamEventKindEnd:
		if s.stopped {
			s.done = true
		} else if event.Error == nil && s.status >= 300 {
			s.fail(answer, failure(s.status, "", s.Waits))
		}
	case s.status >= 300:
		s.fail(answer, failure(s.status, data, s.Waits))
	case data == "" || strings.EqualFold(data, "[DONE]"):
		// The one keeps the connection alive, and with the other, which some add, nothing is said.
	default:
		s.data(data, answer)
	}
}

func (s *response) fail(answer *wit.ProviderAnswer, err *wit.Error) {
	answer.Error = err
	s.done = true
}

// itemEvent has the fields of an event that mean something here.
type itemEvent struct {
	kind, delta, item, response, index, id, arguments, object, problem json.Value
}

func readItemEvent(v json.Value) (e itemEvent) {
	for name, field := range v.Fields() {
		switch name {
		case "type":
			e.kind = field
		case "delta":
			e.delta = field
		case "item":
			e.item = field
		case "response":
			e.response = field
		case "output_index":
			e.index = field
		case "item_id":
			e.id = field
		case "arguments":
			e.arguments = field
		case "object":
			e.object = field
		case "error":
			e.problem = field
		}
	}
	return e
}

// data reads an event, or, from a server that does not stream, the whole response.
func (s *response) data(text string, answer *wit.ProviderAnswer) {
	value, err := json.ParseText(text)
	e := readItemEvent(value)
	kind := e.kind.Text()
	switch {
	case err != nil && s.begun && strings.HasPrefix(text, "{"):
		return // half an event, where the stream was cut off: what comes next is its end
	case err != nil || !value.IsObject():
		s.fail(answer, failure(s.status, text, s.Waits))
		return
	case kind == "error" || kind == "" && e.problem.Exists():
		s.fail(answer, failure(s.status, text, s.Waits))
		return
	case kind == "" && e.object.Text() == "response":
		s.end(value, answer)
		return
	}
	s.begun = true
	switch kind {
	case "response.output_text.delta":
		s.text(e.delta, answer)
	case "response.refusal.delta":
		s.refused = true
		s.text(e.delta, answer)
	case "response.reasoning_summary_text.delta", "response.reasoning_text.delta":
		s.summary = true
		say(answer, wit.DeltaKindThinking, s.thought.Join(e.delta))
	case "response.reasoning_summary_part.added":
		if s.summary {
			say(answer, wit.DeltaKindThinking, "\n\n")
		}
	case "response.output_item.added":
		if e.item.Get("type").Text() == "function_call" {
			s.begin(&e, answer)
		}
	case "response.function_call_arguments.delta":
		s.arguments(s.find(&e), e.delta, answer)
	case "response.function_call_arguments.done":
		s.rest(s.find(&e), e.arguments, answer)
	case "response.output_item.done":
		s.item(&e, answer)
	case "response.completed", "response.incomplete", "response.failed", "response.done":
		s.end(e.response, answer)
	}
}

// text says a text of the answer.
func (s *response) text(value json.Value, answer *wit.ProviderAnswer) {
	s.streamed = true
	s.say(s.said.Join(value), answer)
}

func (s *response) say(text string, answer *wit.ProviderAnswer) {
	s.size += int64(len(text))
	say(answer, wit.DeltaKindText, text)
}

// find is the call that an event is about, or -1. Some servers give an item another id with each event, others no place.
func (s *response) find(e *itemEvent) int {
	for n := len(s.calls) - 1; n >= 0; n-- {
		c := &s.calls[n]
		if e.index.Exists() && c.at != noIndex && c.at == e.index.Int() || (!e.index.Exists() || c.at == noIndex) && c.id == e.id.Text() {
			return n
		}
	}
	return -1
}

// begin gives out a call's id and name.
func (s *response) begin(e *itemEvent, answer *wit.ProviderAnswer) int {
	n := len(s.calls)
	if n == wit.ProviderAnswerToolCallsMax {
		s.fail(answer, wit.NewError(wit.CodeTooLarge, "openai: the model calls more tools at once than the gateway takes"))
		return -1
	}
	c := itemCall{at: noIndex, id: e.item.Get("id").Text()}
	if e.index.Exists() {
		c.at = e.index.Int()
	}
	s.calls = append(s.calls, c)
	name := s.names.Of(e.item.Get("name").Text())
	answer.CallDeltas = append(answer.CallDeltas, wit.CallDelta{Call: uint32(n), ID: e.item.Get("call_id").Text(), Name: name})
	return n
}

// arguments gives out what follows of a call's arguments.
func (s *response) arguments(n int, value json.Value, answer *wit.ProviderAnswer) {
	if n < 0 {
		return
	}
	c := &s.calls[n]
	text := c.half.Join(value)
	if value.IsObject() {
		text = string(value.Raw())
	}
	if text != "" {
		c.args = true
		answer.CallDeltas = append(answer.CallDeltas, wit.CallDelta{Call: uint32(n), Args: text})
	}
}

// rest gives out a call's arguments where they come whole, and the half of a character that stayed alone.
func (s *response) rest(n int, whole json.Value, answer *wit.ProviderAnswer) {
	if n < 0 {
		return
	}
	if c := &s.calls[n]; c.args {
		if rest := c.half.Rest(); rest != "" {
			answer.CallDeltas = append(answer.CallDeltas, wit.CallDelta{Call: uint32(n), Args: rest})
		}
		return
	}
	s.arguments(n, whole, answer)
}

// item takes up an item that is whole: what of it did not come in pieces, and that it came here.
func (s *response) item(e *itemEvent, answer *wit.ProviderAnswer) {
	switch e.item.Get("type").Text() {
	case "message":
		if !s.streamed {
			for part := range e.item.Get("content").Items() {
				s.refused = s.refused || part.Get("type").Text() == "refusal"
				s.text(firstText(part.Get("text"), part.Get("refusal")), answer)
			}
		}
		s.say(s.said.Rest(), answer)
		if mark := (json.Sparse{Object: json.Object{}.Int("text", s.size)}); s.size > 0 {
			mark.AddText("phase", e.item.Get("phase").Text())
			s.keep(mark.JSON())
		}
		s.size, s.streamed = 0, false
	case "function_call":
		n := s.find(&itemEvent{index: e.index, id: e.item.Get("id")})
		if n < 0 {
			n = s.begin(e, answer)
		}
		s.call(n, e.item, answer)
	case "image_generation_call":
		if id := e.item.Get("result").Text(); id != "" { // the gateway has taken the picture out
			answer.Files = append(answer.Files, wit.MadeFile{Media: &id})
			s.drew = true
		}
	case "reasoning":
		if !s.summary {
			for part := range e.item.Get("summary").Items() {
				say(answer, wit.DeltaKindThinking, part.Get("text").Text())
			}
		}
		s.summary = true
		if e.item.Get("encrypted_content").Text() != "" && s.keep(e.item.Raw()) {
			s.reasoned = true
		}
	}
}

// call takes up a call that is whole.
func (s *response) call(n int, item json.Value, answer *wit.ProviderAnswer) {
	s.rest(n, item.Get("arguments"), answer)
	s.keep(json.Object{}.Int("call", int64(n)).JSON())
}

// keep takes up what is to come back, and reports whether there was room for it.
func (s *response) keep(item wit.JSON) bool {
	if len(s.output)+len(item) > maxItems {
		return false
	}
	s.output = s.output.Add(item)
	return true
}

// maxItems bounds what is kept of one answer, for it travels in the state: what is encrypted of a long thought has some
// tens of kilobytes.
const maxItems = 200 << 10

// end reads the response as it is at its end: of what did not come as items, all; the usage; and why it ended.
func (s *response) end(v json.Value, answer *wit.ProviderAnswer) {
	if problem := v.Get("error"); problem.IsObject() || v.Get("status").Text() == "failed" {
		s.fail(answer, failure(s.status, string(json.Object{}.Raw("error", problem.Raw()).JSON()), s.Waits))
		return
	}
	if len(s.output) == 0 && len(s.calls) == 0 && !s.streamed && !s.drew {
		for item := range v.Get("output").Items() {
			e := &itemEvent{item: item}
			if item.Get("type").Text() == "function_call" {
				s.call(s.begin(e, answer), item, answer)
			} else {
				s.item(e, answer)
			}
		}
	}
	s.say(s.said.Rest(), answer)
	say(answer, wit.DeltaKindThinking, s.thought.Rest())
	if counted := v.Get("usage"); counted.IsObject() {
		answer.Usage = itemsUsage(counted)
		answer.Usage.Model = modelName(v.Get("model"))
	}
	if s.reasoned {
		answer.Opaque = json.Object{}.Raw(outputField, s.output.JSON()).JSON()
	}
	answer.Stop = new(s.reason(v))
	s.stopped = true
}

// reason is why the model stopped.
func (s *response) reason(v json.Value) wit.StopReason {
	switch v.Get("incomplete_details", "reason").Text() {
	case "max_output_tokens", "max_tokens":
		return wit.StopReasonLength
	case "content_filter":
		return wit.StopReasonRefused
	}
	switch {
	case s.refused:
		return wit.StopReasonRefused
	case len(s.calls) > 0:
		return wit.StopReasonToolCalls
	case v.Get("status").Text() == "incomplete":
		return wit.StopReasonLength
	}
	return wit.StopReasonEnd
}

// itemsUsage is usage in the words of this API.
func itemsUsage(counted json.Value) *wit.Usage {
	count := func(path ...string) uint64 { return uint64(max(counted.Get(path...).Int(), 0)) }
	input := count("input_tokens")
	cached := min(count("input_tokens_details", "cached_tokens"), input)
	return &wit.Usage{Input: input - cached, Output: count("output_tokens"), CacheRead: cached}
}

// firstText is the first of the values that is a text.
func firstText(values ...json.Value) json.Value {
	for _, v := range values {
		if v.IsText() {
			return v
		}
	}
	return json.Value{}
}
