package ollama

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/wait"
	"github.com/carapace-gateway/carapace/wit"
)

// Chunk reads what has arrived of a stream: the response's head, its lines, and the end. An answer is
//
//	{"model":"m","created_at":"…","message":{"role":"assistant","content":"","thinking":"hm"},"done":false}
//	{"model":"m","created_at":"…","message":{"role":"assistant","content":"Hello"},"done":false}
//	{"model":"m","created_at":"…","message":{"role":"assistant","content":"","tool_calls":[{"id":"call_1","function":{"name":"f","arguments":{}}}]},"done":false}
//	{"model":"m","created_at":"…","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":26,"eval_count":9}
//
// and a failure is one body instead, or a line among them: {"error":"…"}.
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
			s.say(all, answer)
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
		s.status, s.Waits = int64(event.Status), wait.Head(event.Headers)
	case event.Kind == wit.StreamEventKindEnd:
		if event.Error == nil && s.status >= 300 {
			s.fail(answer, failure(s.status, "", s.Waits))
		} // where the model had not finished, the gateway says what that means
	case s.status >= 300:
		s.fail(answer, failure(s.status, data, s.Waits))
	case data == "":
		// It keeps the connection alive.
	default:
		s.line(strings.TrimSpace(strings.TrimPrefix(data, "data:")), answer)
	}
}

// line reads a line, or, of a server that does not stream, the whole answer.
func (s *state) line(text string, answer *wit.ProviderAnswer) {
	value, err := json.ParseText(text)
	switch {
	case err != nil && s.begun && strings.HasPrefix(text, "{"):
		return // half a line, where the stream was cut off: what comes next is its end
	case err != nil || !value.IsObject():
		s.fail(answer, failure(s.status, text, s.Waits)) // a page, or words
		return
	}
	var message json.Value
	finished := false
	for name, field := range value.Fields() {
		switch name {
		case "message":
			message = field
		case "done":
			finished = field.Bool()
		case "error":
			s.fail(answer, failure(max(s.status, value.Get("status").Int()), text, s.Waits))
			return
		}
	}
	s.begun = true
	s.message(message, answer)
	if finished && !s.done {
		s.finish(value, answer)
	}
}

// message reads a piece of a message, or all of one.
func (s *state) message(message json.Value, answer *wit.ProviderAnswer) {
	fields := 0
	var content json.Value
	for name, field := range message.Fields() {
		switch name {
		case "role":
			continue
		case "content":
			content = field
		case "thinking":
			if text := s.thought.Join(field); text != "" {
				s.thinks = true
				add(answer, wit.DeltaKindThinking, text)
			}
		case "tool_calls":
			for call := range field.Items() {
				s.call(call, answer)
			}
		}
		fields++
	}
	s.say(content, answer)
	if fields == 1 && content.IsText() {
		s.only = saying{content}
	}
}

// say says a piece of the text, but for thinking in tags at its beginning, which the server leaves there where it does not know
// the model's template.
func (s *state) say(content json.Value, answer *wit.ProviderAnswer) {
	s.tags.Split(s.said.Join(content), func(kind wit.DeltaKind, text string) { add(answer, kind, text) })
}

// call gives out a tool's call, which comes whole.
func (s *state) call(call json.Value, answer *wit.ProviderAnswer) {
	if s.calls == wit.ProviderAnswerToolCallsMax {
		s.fail(answer, wit.NewError(wit.CodeTooLarge, "ollama: the model calls more tools at once than the gateway takes"))
		return
	}
	name := s.names.Of(call.Get("function", "name").Text())
	args := call.Get("function", "arguments")
	text := args.Text()
	if !args.IsText() {
		text = string(args.Raw())
	}
	answer.CallDeltas = append(answer.CallDeltas, wit.CallDelta{Call: uint32(s.calls), ID: call.Get("id").Text(), Name: name, Args: text})
	s.calls++
}

// finish ends the answer, and says why the model stopped.
func (s *state) finish(last json.Value, answer *wit.ProviderAnswer) {
	say := func(kind wit.DeltaKind, text string) { add(answer, kind, text) }
	say(wit.DeltaKindThinking, s.thought.Rest())
	s.tags.Split(s.said.Rest(), say)
	s.tags.Flush(stopReason(last.Get("done_reason").Text(), s.calls > 0) == wit.StopReasonEnd, say)
	if s.thinks && s.calls > 0 {
		answer.Opaque = wit.JSON(`{"thinking":true}`) // see message.go
	}
	count := func(name string) uint64 { return uint64(max(last.Get(name).Int(), 0)) }
	answer.Usage = &wit.Usage{Input: count("prompt_eval_count"), Output: count("eval_count")}
	answer.Stop = new(stopReason(last.Get("done_reason").Text(), s.calls > 0))
	s.done = true
}

// stopReason is the contract's word for the server's.
func stopReason(reason string, calls bool) wit.StopReason {
	switch {
	case reason == "length":
		return wit.StopReasonLength
	case calls:
		return wit.StopReasonToolCalls
	}
	return wit.StopReasonEnd
}

// fail ends the answer with an error; what came of it before is the gateway's to keep or to drop.
func (s *state) fail(answer *wit.ProviderAnswer, err *wit.Error) {
	answer.Error = err
	s.done = true
}

// add adds a piece to the answer, unless it is empty. Neighbours of one kind are one: there are as many as words.
func add(answer *wit.ProviderAnswer, kind wit.DeltaKind, text string) {
	if text == "" {
		return
	}
	if n := len(answer.Deltas); n > 0 && answer.Deltas[n-1].Kind == kind {
		answer.Deltas[n-1].Text += text
		return
	}
	answer.Deltas = append(answer.Deltas, wit.Delta{Kind: kind, Text: text})
}
