package openai

import (
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/provider/thinktag"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/sdk/go/wait"
	"github.com/carapace-gateway/carapace/wit"
)

// Chunk reads what has arrived of a stream: the response's head, the data of events, and the end. An answer is
//
//	{"choices":[{"index":0,"delta":{"content":"Hel"}}]}
//	{"choices":[{"index":0,"delta":{"content":"lo"}}]}
//	{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}
//	{"choices":[],"usage":{"prompt_tokens":12,"completion_tokens":2}}
//	[DONE]
//
// and a failure is one body instead, or an event among them.
func (Provider) Chunk(host *sdk.Host, chunk *wit.ProviderChunk) (*wit.ProviderAnswer, error) {
	first, err := json.Parse(chunk.State)
	if len(chunk.State) > 0 && err != nil {
		return nil, err
	}
	if first.Get("api").Text() == responsesAPI {
		return chunkOfItems(first, chunk), nil
	}
	s := readState(first)
	answer := &wit.ProviderAnswer{Deltas: make([]wit.Delta, 0, len(chunk.Events))}
	var last pattern
	for i := range chunk.Events {
		event := &chunk.Events[i]
		if all, ok := last.read(event); ok {
			s.says(all, answer)
			continue
		}
		s.only = saying{}
		s.event(event, answer)
		last = patternOf(event, s.only)
	}
	s.hint(host, answer)
	answer.Deltas, answer.Like = joined(answer.Deltas), s.like(&last)
	answer.State = s.JSON()
	return answer, nil
}

// chunkOfItems is Chunk for the Responses API.
func chunkOfItems(first json.Value, chunk *wit.ProviderChunk) *wit.ProviderAnswer {
	s, answer := readResponse(first), &wit.ProviderAnswer{}
	for i := range chunk.Events {
		s.event(&chunk.Events[i], answer)
	}
	answer.Deltas, answer.State = joined(answer.Deltas), s.JSON()
	return answer
}

// hint tells the owner, once in an answer, that it may have begun with thinking. It is too late to take that back.
func (s *state) hint(host *sdk.Host, answer *wit.ProviderAnswer) {
	ends := func(d wit.Delta) bool {
		return d.Kind == wit.DeltaKindText && strings.Contains(d.Text, thinktag.Closing)
	}
	if s.hinted || !slices.ContainsFunc(answer.Deltas, ends) {
		return
	}
	s.hinted = true
	host.Warn("an answer has " + thinktag.Closing + " in it: if what stood before it was thinking, set thinkingOpened, or have the server give thinking apart")
}

// event reads one event. Until the head has said that all is well, data is the body of a failure.
func (s *state) event(event *wit.StreamEvent, answer *wit.ProviderAnswer) {
	data := strings.TrimSpace(event.Data)
	switch {
	case s.done:
		// What comes after the end says nothing.
	case event.Kind == wit.StreamEventKindHead:
		s.status, s.Waits = int64(event.Status), wait.Head(event.Headers)
	case event.Kind == wit.StreamEventKindEnd:
		s.end(event, answer)
	case s.status >= 300:
		s.fail(answer, failure(s.status, data, s.Waits))
	case data == "":
		// It keeps the connection alive.
	case strings.EqualFold(data, "[DONE]"):
		s.finish(answer)
	case event.Name != nil && *event.Name == "error":
		s.fail(answer, failure(s.status, data, s.Waits))
	default:
		s.data(data, answer)
	}
}

// end is the body's, whether it ended well or broke off. Where the model had not finished, the gateway says what that
// means.
func (s *state) end(event *wit.StreamEvent, answer *wit.ProviderAnswer) {
	switch {
	case s.reason != "":
		s.finish(answer)
	case event.Error == nil && s.status >= 300:
		s.fail(answer, failure(s.status, "", s.Waits))
	}
}

// fail ends the answer with an error; what came of it before is the gateway's to keep or to drop.
func (s *state) fail(answer *wit.ProviderAnswer, err *wit.Error) {
	answer.Error = err
	s.done = true
}

// finish ends the answer.
func (s *state) finish(answer *wit.ProviderAnswer) {
	s.stop(answer)
	s.done = true
}

// stop gives out what was held back, and says why the model stopped. What still comes until the end is taken too: the
// usage, and whatever a server has to add.
func (s *state) stop(answer *wit.ProviderAnswer) {
	if s.stopped {
		return
	}
	s.flush(answer)
	answer.Opaque = s.opaque()
	answer.Stop = new(stopReason(s.reason, len(s.calls) > 0))
	s.stopped = true
}

// data reads an event, or, from a server that does not stream, the whole answer.
func (s *state) data(text string, answer *wit.ProviderAnswer) {
	value, err := json.ParseText(text)
	e := readEvent(value)
	switch {
	case err != nil && s.begun && strings.HasPrefix(text, "{"):
		return // half an event, where the stream was cut off: what comes next is its end
	case err != nil || value.IsArray():
		s.fail(answer, failure(s.status, text, s.Waits)) // some give a failure as a list, a text or a page
		return
	case !value.IsObject():
		return // "ping" and null keep the connection alive
	case e.failed():
		s.fail(answer, failure(s.status, text, s.Waits))
		return
	}
	s.begun = true
	choices := 0
	for value := range e.choices.Items() {
		if choice := readEvent(value); choice.index.Int() == 0 && !s.done {
			s.choice(value, &choice, answer)
			choices++
		}
	}
	if choices != 1 || s.reason != "" || s.done {
		s.only = saying{}
	}
	if counted := firstObject(e.usage, e.groq.Get("usage")); counted.IsObject() {
		answer.Usage = usage(counted)
	}
	if name := modelName(e.model); name != "" && answer.Usage != nil {
		answer.Usage.Model = name
	}
}

// choice reads a piece of the answer, or all of it: "message" instead of "delta" is whole. After pieces it repeats them,
// and is left out.
func (s *state) choice(value json.Value, choice *event, answer *wit.ProviderAnswer) {
	whole := choice.message
	before := len(answer.Deltas) + len(answer.CallDeltas) + len(answer.Files)
	switch {
	case !whole.IsObject():
		s.delta(choice.delta, answer)
	case !s.spoke:
		s.delta(whole, answer)
	}
	said := len(answer.Deltas)+len(answer.CallDeltas)+len(answer.Files) > before
	reason := strings.ToLower(choice.reason.Text())
	switch {
	case s.done:
		return
	case choice.failed() || failed(reason):
		s.fail(answer, failure(s.status, string(value.Raw()), s.Waits))
		return
	case reason != "" && s.reason != refused:
		s.reason = reason
	}
	if counted := choice.usage; counted.IsObject() {
		answer.Usage = usage(counted)
	}
	switch {
	case whole.IsObject():
		s.finish(answer)
	case reason != "" && !said:
		s.stop(answer) // [DONE] may never come; but some give a reason with each piece, and go on
	}
}

// refused stands in a state's reason for a refusal, which has no reason to stop of its own.
const refused = "refusal"

// failed reports whether a reason to stop means that the server could not go on.
func failed(reason string) bool {
	switch reason {
	case "error", "network_error", "insufficient_system_resource", "malformed_function_call":
		return true
	}
	return false
}

// stopReason is the contract's word for a server's. Some say "stop" where there are tool calls.
func stopReason(reason string, calls bool) wit.StopReason {
	switch reason {
	case "length", "max_tokens", "model_length", "model_context_window_exceeded":
		return wit.StopReasonLength
	case "content_filter", "sensitive", "safety", refused:
		return wit.StopReasonRefused
	}
	if calls {
		return wit.StopReasonToolCalls
	}
	return wit.StopReasonEnd
}

// modelName is what a server calls the model that has answered.
func modelName(v json.Value) string { return texts.Clip(v.Text(), wit.UsageModelMax) }

// usage counts what came from the cache apart: in the contract, what was read is one or the other, while a server's
// prompt_tokens are all of it.
func usage(counted json.Value) *wit.Usage {
	count := func(path ...string) uint64 { return uint64(max(counted.Get(path...).Int(), 0)) }
	cached := count("prompt_tokens_details", "cached_tokens")
	return &wit.Usage{
		Input:     count("prompt_tokens") - min(cached, count("prompt_tokens")),
		Output:    count("completion_tokens"),
		CacheRead: cached,
	}
}

// firstObject is the first of the values that is an object.
func firstObject(values ...json.Value) json.Value {
	for _, v := range values {
		if v.IsObject() {
			return v
		}
	}
	return json.Value{}
}
