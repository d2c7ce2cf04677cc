package gemini

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
//	{"candidates":[{"content":{"parts":[{"text":"Hel"}],"role":"model"}}],"usageMetadata":{…}}
//	{"candidates":[{"content":{"parts":[{"text":"lo"}],"role":"model"},"finishReason":"STOP"}],"usageMetadata":{…}}
//
// and a failure is one body instead, or an event among them. There is no last event that says that it is the last.
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

// event reads one event. Until the head has said that all is well, data is the body of a failure.
func (s *state) event(event *wit.StreamEvent, answer *wit.ProviderAnswer) {
	switch {
	case s.done:
		// What comes after the end says nothing.
	case event.Kind == wit.StreamEventKindHead:
		s.status, s.Waits = int64(event.Status), wait.Head(event.Headers)
	case event.Kind == wit.StreamEventKindEnd:
		s.end(event, answer)
	default:
		s.data(strings.TrimSpace(event.Data), answer)
	}
}

// end is the body's, whether it ended well or broke off. Where the model had not finished, the gateway says what that
// means.
func (s *state) end(event *wit.StreamEvent, answer *wit.ProviderAnswer) {
	switch {
	case s.reason != "":
		s.stop(answer)
		s.done = true
	case event.Error == nil && s.status >= 300:
		s.fail(answer, failure(s.status, "", s.Waits))
	}
}

// fail ends the answer with an error; what came of it before is the gateway's to keep or to drop.
func (s *state) fail(answer *wit.ProviderAnswer, err *wit.Error) {
	answer.Error = err
	s.done = true
}

// data reads an event; or a body, which is a list of what would have been events where a server does not stream them.
func (s *state) data(text string, answer *wit.ProviderAnswer) {
	if s.status >= 300 {
		s.fail(answer, failure(s.status, text, s.Waits))
		return
	}
	value, err := json.ParseText(text)
	switch {
	case text == "" || text == "[DONE]":
		return // the one keeps the connection alive, and with the other, which some add, nothing is said
	case err != nil && s.begun && strings.HasPrefix(text, "{"):
		return // half an event, where the stream was cut off: what comes next is its end
	case err != nil:
		s.fail(answer, failure(s.status, text, s.Waits))
		return
	case !value.IsArray():
		s.response(value, text, answer)
		return
	}
	for item := range value.Items() {
		if !s.done {
			s.response(item, string(item.Raw()), answer)
		}
	}
}

// response reads one GenerateContentResponse. text is what it was read from.
func (s *state) response(value json.Value, text string, answer *wit.ProviderAnswer) {
	var candidates, feedback, usage, version json.Value
	for name, field := range value.Fields() {
		switch name {
		case "candidates":
			candidates = field
		case "promptFeedback":
			feedback = field
		case "usageMetadata":
			usage = field
		case "modelVersion":
			version = field
		case "error":
			s.fail(answer, failure(s.status, text, s.Waits))
			return
		}
	}
	s.begun = s.begun || value.IsObject()
	if usage.IsObject() {
		answer.Usage = tokens(usage)
		answer.Usage.Model = texts.Clip(version.Text(), wit.UsageModelMax)
	}
	for candidate := range candidates.Items() {
		s.candidate(candidate, answer)
		break // no more than one was asked for
	}
	if reason := feedback.Get("blockReason").Text(); reason != "" && !s.done && s.reason == "" {
		s.fail(answer, blocked("the request", reason, feedback.Get("blockReasonMessage").Text()))
	}
}

// candidate reads a piece of the answer. A reason to stop with words in the same piece is the last one's of a stream, or
// that of each piece, as some write it: which one is known when the next thing comes.
func (s *state) candidate(candidate json.Value, answer *wit.ProviderAnswer) {
	var parts, reason, message json.Value
	for name, field := range candidate.Fields() {
		switch name {
		case "content":
			parts = field.Get("parts")
		case "finishReason":
			reason = field
		case "finishMessage":
			message = field
		}
	}
	before := len(answer.Deltas) + len(answer.CallDeltas) + len(answer.Files)
	for part := range parts.Items() {
		if !s.part(part, answer) {
			s.fail(answer, wit.NewError(wit.CodeTooLarge, "gemini: the model calls more tools at once than the gateway takes"))
			return
		}
	}
	if given := reason.Text(); given != "" && given != "FINISH_REASON_UNSPECIFIED" {
		s.reason, s.message = given, message.Text()
		if len(answer.Deltas)+len(answer.CallDeltas)+len(answer.Files) == before {
			s.stop(answer)
		}
	}
}

// stop gives out what was held back, and says why the model stopped. What still comes until the end is taken too.
func (s *state) stop(answer *wit.ProviderAnswer) {
	if s.stopped {
		return
	}
	s.flush(answer)
	reason, err := s.verdict()
	if err != nil {
		s.fail(answer, err)
		return
	}
	answer.Opaque, answer.Stop = s.opaque(), &reason
	s.stopped = true
}

// verdict is the contract's word for the model's reason to stop, or the error that it is. What was blocked after some of it
// was said is an answer that was refused; what was blocked at once says why.
func (s *state) verdict() (wit.StopReason, *wit.Error) {
	switch s.reason {
	case "STOP":
		if s.calls > 0 {
			return wit.StopReasonToolCalls, nil
		}
		return wit.StopReasonEnd, nil
	case "MAX_TOKENS":
		return wit.StopReasonLength, nil
	case "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MALFORMED_RESPONSE", "OTHER", "NO_IMAGE", "IMAGE_OTHER":
		return "", wit.NewError(wit.CodeUnavailable, stopped("the model could not finish its answer", s.reason, s.message))
	case "MISSING_THOUGHT_SIGNATURE":
		return "", wit.NewError(wit.CodeInvalid, stopped("the model misses a signature of its own in the conversation; begin a new one with /new", s.reason, s.message))
	}
	if s.said > 0 || s.calls > 0 || s.drew {
		return wit.StopReasonRefused, nil
	}
	return "", blocked("the answer", s.reason, s.message)
}

// tokens counts what came from the cache apart: in the contract, what was read is one or the other, while a prompt's count
// is all of it. What was thought is paid for like what was said.
func tokens(counted json.Value) *wit.Usage {
	var prompt, cached, tool, said, thought int64
	for name, field := range counted.Fields() {
		switch name {
		case "promptTokenCount":
			prompt = field.Int()
		case "cachedContentTokenCount":
			cached = field.Int()
		case "toolUsePromptTokenCount":
			tool = field.Int()
		case "candidatesTokenCount":
			said = field.Int()
		case "thoughtsTokenCount":
			thought = field.Int()
		}
	}
	cached = min(max(cached, 0), max(prompt, 0))
	return &wit.Usage{
		Input: uint64(max(prompt-cached, 0) + max(tool, 0)), Output: uint64(max(said, 0) + max(thought, 0)), CacheRead: uint64(cached),
	}
}
