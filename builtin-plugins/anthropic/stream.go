package anthropic

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/sdk/go/wait"
	"github.com/carapace-gateway/carapace/wit"
)

// Chunk reads what has arrived of a stream: the response's head, the data of events, and the end. An answer is
//
//	{"type":"message_start","message":{"usage":{"input_tokens":12,"output_tokens":1},…}}
//	… blocks, see block.go, and now and then {"type":"ping"} …
//	{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":15}}
//	{"type":"message_stop"}
//
// and a failure is one body instead, or an event among them. The type stands in each event; its name says the same, and is not
// asked.
func (Provider) Chunk(_ *sdk.Host, chunk *wit.ProviderChunk) (*wit.ProviderAnswer, error) {
	s, err := readState(chunk.State)
	if err != nil {
		return nil, err
	}
	answer := &wit.ProviderAnswer{}
	var last pattern
	for i := range chunk.Events {
		event := &chunk.Events[i]
		if all, ok := last.read(event); ok {
			s.said(s.at(all.index, ofText), all.value, answer)
			continue
		}
		s.only = saying{}
		s.event(event, answer)
		last = s.patternOf(event)
	}
	answer.Like = s.like(&last)
	answer.State = s.JSON()
	return answer, nil
}

// event reads one event. Until the head has said that all is well, data is the body of a failure.
func (s *state) event(event *wit.StreamEvent, answer *wit.ProviderAnswer) {
	data := strings.TrimSpace(event.Data)
	switch {
	case s.done:
		// What comes after the end says nothing.
	case event.Kind == wit.StreamEventKindHead:
		s.head(event)
	case event.Kind == wit.StreamEventKindEnd:
		s.closed(event, answer)
	case s.status >= 300:
		s.fail(answer, s.failure(data))
	case data == "":
		// It keeps the connection alive.
	case strings.EqualFold(data, "[DONE]"):
		s.finish(answer) // of servers that speak chat completions too
	case event.Name != nil && *event.Name == "error":
		s.fail(answer, s.failure(data))
	default:
		s.data(data, answer)
	}
}

// head reads the head of the response.
func (s *state) head(event *wit.StreamEvent) {
	s.status, s.Waits = int64(event.Status), wait.Head(limits(event.Headers))
	s.again = sdk.Header(event.Headers, "x-should-retry")
}

// closed reads that the body has ended, well or not. Where the model had not finished, the gateway says what that means.
func (s *state) closed(event *wit.StreamEvent, answer *wit.ProviderAnswer) {
	switch {
	case s.reason != "":
		s.finish(answer)
	case event.Error == nil && s.status >= 300:
		s.fail(answer, s.failure(""))
	}
}

// data reads an event, or, of a server that does not stream, the whole answer.
func (s *state) data(text string, answer *wit.ProviderAnswer) {
	value, err := json.ParseText(text)
	switch {
	case err != nil && s.begun && strings.HasPrefix(text, "{"):
		return // half an event, where the stream was cut off: what comes next is its end
	case err != nil || value.IsArray():
		s.fail(answer, s.failure(text)) // a page, or words
		return
	case !value.IsObject():
		return
	}
	e := readEvent(value)
	switch e.kind {
	case "message_start":
		s.noteModel(e.message)
		s.count(e.message.Get("usage"), answer)
	case "content_block_start":
		s.begin(e.index, e.block, answer)
	case "content_block_delta":
		s.delta(e.index, e.delta, answer)
	case "content_block_stop":
		s.end(func(b *open) bool { return b.index == e.index }, answer)
	case "message_delta":
		s.count(e.usage, answer)
		s.stopping(e.delta, answer)
	case "message_stop":
		s.finish(answer)
	case "message":
		s.whole(value, answer)
	case "ping":
	default:
		if e.kind == "error" || e.problem.Exists() {
			s.fail(answer, s.failure(text))
			return
		}
		return // a kind that is new
	}
	s.begun = true
}

// event has the fields of an event; those that are not there are absent.
type event struct {
	kind                                  string
	index                                 int64
	message, block, delta, usage, problem json.Value
}

// readEvent finds the fields in one go: there are as many events as words.
func readEvent(of json.Value) (e event) {
	for name, field := range of.Fields() {
		switch name {
		case "type":
			e.kind = field.Text()
		case "index":
			e.index = field.Int()
		case "message":
			e.message = field
		case "content_block":
			e.block = field
		case "delta":
			e.delta = field
		case "usage":
			e.usage = field
		case "error":
			e.problem = field
		}
	}
	return e
}

// whole reads an answer that did not come as a stream.
func (s *state) whole(message json.Value, answer *wit.ProviderAnswer) {
	index := int64(0)
	for block := range message.Get("content").Items() {
		s.begin(index, block, answer)
		s.end(func(b *open) bool { return b.index == index }, answer)
		index++
	}
	s.noteModel(message)
	s.count(message.Get("usage"), answer)
	s.stopping(message, answer)
	s.finish(answer)
}

// stopping reads why the model stopped. A refusal says in words what it is about; where nothing else was said, they are the
// answer.
func (s *state) stopping(delta json.Value, answer *wit.ProviderAnswer) {
	reason := delta.Get("stop_reason").Text()
	if reason == "" || s.done {
		return
	}
	s.reason = reason
	if words := delta.Get("stop_details", "explanation").Text(); reason == "refusal" && !s.spoke {
		say(answer, wit.DeltaKindText, words)
	}
	s.stop(answer)
}

// stop gives out what was held back, and says why the model stopped. What still comes until the end is taken too.
func (s *state) stop(answer *wit.ProviderAnswer) {
	s.end(func(*open) bool { return true }, answer)
	if s.stopped || s.done {
		return
	}
	answer.Opaque = s.opaque()
	answer.Stop = new(stopReason(s.reason, s.calls > 0))
	s.stopped = true
}

// opaque is what the turn is to have again, where there was any thinking in it.
func (s *state) opaque() wit.JSON {
	if s.lost || !strings.Contains(string(s.order), "{") {
		return nil
	}
	return json.Object{}.Raw("order", s.order.JSON()).JSON()
}

// finish ends the answer.
func (s *state) finish(answer *wit.ProviderAnswer) {
	s.stop(answer)
	s.done = true
}

// fail ends the answer with an error; what came of it before is the gateway's to keep or to drop.
func (s *state) fail(answer *wit.ProviderAnswer, err *wit.Error) {
	answer.Error = err
	s.done = true
}

// stopReason is the contract's word for the server's: end_turn, stop_sequence, tool_use, max_tokens, refusal,
// model_context_window_exceeded, and pause_turn, after which a model that uses the server's own tools would go on, which are
// not offered here.
func stopReason(reason string, calls bool) wit.StopReason {
	switch reason {
	case "max_tokens", "model_context_window_exceeded":
		return wit.StopReasonLength
	case "refusal":
		return wit.StopReasonRefused
	}
	if calls {
		return wit.StopReasonToolCalls
	}
	return wit.StopReasonEnd
}

// noteModel notes which model has answered.
func (s *state) noteModel(message json.Value) {
	s.usage.Model = texts.Clip(message.Get("model").Text(), wit.UsageModelMax)
}

// count takes up the numbers of tokens, which are of all so far. Those that came from the cache are counted apart, as in the
// contract.
func (s *state) count(usage json.Value, answer *wit.ProviderAnswer) {
	if !usage.IsObject() {
		return
	}
	for name, of := range map[string]*uint64{
		"input_tokens": &s.usage.Input, "output_tokens": &s.usage.Output,
		"cache_read_input_tokens": &s.usage.CacheRead, "cache_creation_input_tokens": &s.usage.CacheWrite,
	} {
		if n := usage.Get(name); n.Exists() && (n.Int() > 0 || *of == 0) {
			*of = uint64(max(n.Int(), 0))
		}
	}
	used := s.usage
	answer.Usage = &used
}
