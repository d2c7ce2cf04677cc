package openai

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// Chunk reads what has arrived of a stream.
func (Provider) Chunk(_ *sdk.Host, chunk *wit.ProviderChunk) (*wit.ProviderAnswer, error) {
	s, err := readState(chunk.State)
	if err != nil {
		return nil, err
	}
	answer := &wit.ProviderAnswer{}
	for i := range chunk.Events {
		s.event(&chunk.Events[i], answer)
	}
	answer.State = s.JSON()
	return answer, nil
}

func (s *state) event(event *wit.StreamEvent, answer *wit.ProviderAnswer) {
	switch {
	case s.done:
		// What comes after the end says nothing.
	case event.Kind == wit.StreamEventKindHead:
		s.head(event)
	case event.Kind == wit.StreamEventKindEnd:
		s.end(event, answer)
	case s.status >= 400:
		s.fail(answer, failure(s.status, event.Data, s.retryAfter))
	case event.Data == "[DONE]":
		s.finish(answer)
	default:
		s.data(event.Data, answer)
	}
}

// head keeps what a later failure is explained with.
func (s *state) head(event *wit.StreamEvent) {
	s.status = int64(event.Status)
	s.retryAfter = retryAfter(event.Headers)
}

// end is regular after [DONE], and good enough when the model had given its reason to stop.
func (s *state) end(event *wit.StreamEvent, answer *wit.ProviderAnswer) {
	switch {
	case event.Error != nil:
		s.fail(answer, event.Error)
	case s.status >= 400:
		s.fail(answer, failure(s.status, "", s.retryAfter))
	case s.reason != "":
		s.finish(answer)
	default:
		s.fail(answer, wit.NewError(wit.CodeUnavailable, "openai: the stream ended before the answer did"))
	}
}

func (s *state) fail(answer *wit.ProviderAnswer, err *wit.Error) {
	answer.Error = err
	s.done = true
}

// finish hands over the tool calls, which are whole now, and says why the model stopped.
func (s *state) finish(answer *wit.ProviderAnswer) {
	answer.ToolCalls = s.toolCalls()
	answer.Stop = new(stopReason(s.reason, len(s.calls) > 0))
	s.done = true
}

func stopReason(reason string, calls bool) wit.StopReason {
	switch {
	case reason == "length":
		return wit.StopReasonLength
	case reason == "content_filter" || reason == refused:
		return wit.StopReasonRefused
	case calls:
		return wit.StopReasonToolCalls
	}
	return wit.StopReasonEnd
}

// refused stands in a state's reason for a refusal, which has no reason to stop of its own.
const refused = "refusal"

// data reads an event, or, from a server that does not stream, the whole answer.
func (s *state) data(text string, answer *wit.ProviderAnswer) {
	event, err := json.Parse([]byte(text))
	if err != nil || !event.IsObject() {
		s.fail(answer, wit.NewError(wit.CodeUnavailable, "openai: the server sent something that is not chat completions; check baseUrl"))
		return
	}
	if event.Get("error").Exists() {
		s.fail(answer, failure(s.status, text, s.retryAfter))
		return
	}
	for choice := range event.Get("choices").Items() {
		if choice.Get("index").Int() != 0 {
			continue
		}
		whole := choice.Get("message")
		s.delta(choice.Get("delta"), answer)
		s.delta(whole, answer)
		if reason := choice.Get("finish_reason").Text(); reason != "" && s.reason != refused {
			s.reason = reason
		}
		if whole.Exists() && answer.Error == nil {
			s.finish(answer)
		}
	}
	if counted := event.Get("usage"); counted.IsObject() {
		answer.Usage = usage(counted)
	}
}

func (s *state) delta(delta json.Value, answer *wit.ProviderAnswer) {
	add := func(kind wit.DeltaKind, text string) {
		if text != "" {
			answer.Deltas = append(answer.Deltas, wit.Delta{Kind: kind, Text: text})
		}
	}
	add(wit.DeltaKindThinking, delta.Get("reasoning_content").Text())
	add(wit.DeltaKindThinking, delta.Get("reasoning").Text())
	add(wit.DeltaKindText, delta.Get("content").Text())
	if refusal := delta.Get("refusal").Text(); refusal != "" {
		add(wit.DeltaKindText, refusal)
		s.reason = refused
	}
	position := int64(0)
	for call := range delta.Get("tool_calls").Items() {
		index := position
		if given := call.Get("index"); given.Exists() {
			index = given.Int()
		}
		if !s.addCall(index, call) {
			s.fail(answer, wit.NewError(wit.CodeTooLarge, "openai: the model's tool calls are longer than the gateway keeps"))
			return
		}
		position++
	}
}

// usage counts what came from the cache apart.
func usage(counted json.Value) *wit.Usage {
	count := func(path ...string) uint64 { return uint64(max(counted.Get(path...).Int(), 0)) }
	cached := count("prompt_tokens_details", "cached_tokens")
	return &wit.Usage{
		Input:     count("prompt_tokens") - min(cached, count("prompt_tokens")),
		Output:    count("completion_tokens"),
		CacheRead: cached,
	}
}
