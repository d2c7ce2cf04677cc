package bedrock

import (
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/wait"
	"github.com/carapace-gateway/carapace/wit"
)

// Chunk reads what has arrived of a stream: the response's head, packets, and the end. An answer is
//
//	messageStart       {"role":"assistant"}
//	contentBlockStart  {"contentBlockIndex":0,"start":{"toolUse":{"toolUseId":"…","name":"calc"}}}
//	contentBlockDelta  {"contentBlockIndex":0,"delta":{"toolUse":{"input":"{\"expr"}}}
//	contentBlockStop   {"contentBlockIndex":0}
//	messageStop        {"stopReason":"tool_use"}
//	metadata           {"usage":{"inputTokens":12,"outputTokens":2}}
//
// and a failure is one body instead, or a packet among them.
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
		s.kind, _, _ = strings.Cut(sdk.Header(event.Headers, "x-amzn-errortype"), ":")
	case event.Kind == wit.StreamEventKindEnd:
		if s.stopped {
			s.done = true
		} else if event.Error == nil && s.status >= 300 {
			s.fail(answer, failure(s.status, s.kind, "", s.Waits))
		}
	case s.status >= 300 || len(event.Bytes) == 0:
		s.fail(answer, failure(s.status, s.kind, event.Data+string(event.Bytes), s.Waits))
	default:
		s.packet(event.Bytes, answer)
	}
}

func (s *state) fail(answer *wit.ProviderAnswer, err *wit.Error) {
	answer.Error = err
	s.done = true
}

// packet reads one message.
func (s *state) packet(b []byte, answer *wit.ProviderAnswer) {
	p, ok := readPacket(b)
	if !ok {
		s.fail(answer, unreadable())
		return
	}
	if p.kind != "event" {
		s.fail(answer, failure(s.status, p.name, p.payload, s.Waits))
		return
	}
	v, err := json.ParseText(p.payload)
	if err != nil {
		s.fail(answer, unreadable())
		return
	}
	switch p.name {
	case "contentBlockStart":
		s.start(v, answer)
	case "contentBlockDelta":
		s.delta(v, answer)
	case "contentBlockStop":
		s.stop()
	case "messageStop":
		s.end(v.Get("stopReason").Text(), answer)
	case "metadata":
		answer.Usage = usage(v.Get("usage"))
	}
}

// start begins a call.
func (s *state) start(v json.Value, answer *wit.ProviderAnswer) {
	call := v.Get("start", "toolUse")
	if !call.IsObject() {
		return
	}
	if len(s.calls) == wit.ProviderAnswerToolCallsMax {
		s.fail(answer, wit.NewError(wit.CodeTooLarge, "bedrock: the model calls more tools at once than the gateway takes"))
		return
	}
	name := s.names.Of(call.Get("name").Text())
	answer.CallDeltas = append(answer.CallDeltas, wit.CallDelta{Call: uint32(len(s.calls)), ID: call.Get("toolUseId").Text(), Name: name})
	s.calls = append(s.calls, v.Get("contentBlockIndex").Int())
}

// delta reads a piece of a block.
func (s *state) delta(v json.Value, answer *wit.ProviderAnswer) {
	for kind, piece := range v.Get("delta").Fields() {
		switch kind {
		case "text":
			say(answer, wit.DeltaKindText, piece.Text())
		case "toolUse":
			if n := slices.Index(s.calls, v.Get("contentBlockIndex").Int()); n >= 0 && piece.Get("input").Text() != "" {
				answer.CallDeltas = append(answer.CallDeltas, wit.CallDelta{Call: uint32(n), Args: piece.Get("input").Text()})
			}
		case "reasoningContent":
			s.reasoning(piece, answer)
		}
	}
}

func (s *state) reasoning(piece json.Value, answer *wit.ProviderAnswer) {
	for kind, field := range piece.Fields() {
		switch kind {
		case "text":
			s.length += int64(len(field.Text()))
			say(answer, wit.DeltaKindThinking, field.Text())
		case "signature":
			if s.signature += field.Text(); len(s.signature) > maxOpaque {
				s.signature, s.lost = "", true
			}
		case "redactedContent":
			s.keep(json.Object{}.Text("redacted", field.Text()).JSON())
		}
	}
}

// stop ends a block: reasoning that is signed is to come back.
func (s *state) stop() {
	if s.signature != "" {
		s.keep(json.Object{}.Int("length", s.length).Text("signature", s.signature).JSON())
	} else if s.length > 0 {
		s.lost = true // what is not signed is not taken back, and neither is half of what was thought
	}
	s.length, s.signature = 0, ""
}

// end says why the model stopped.
func (s *state) end(reason string, answer *wit.ProviderAnswer) {
	stop := wit.StopReasonEnd
	switch reason {
	case "max_tokens", "model_context_window_exceeded":
		stop = wit.StopReasonLength
	case "guardrail_intervened", "content_filtered":
		stop = wit.StopReasonRefused
	case "malformed_model_output", "malformed_tool_use":
		s.fail(answer, wit.NewError(wit.CodeUnavailable, "bedrock: the model could not finish its answer ("+reason+")"))
		return
	default:
		if len(s.calls) > 0 {
			stop = wit.StopReasonToolCalls
		}
	}
	answer.Stop, answer.Opaque = &stop, s.opaque()
	s.stopped = true
}

// usage counts what came from the cache apart, as Bedrock does.
func usage(counted json.Value) *wit.Usage {
	count := func(name string) uint64 { return uint64(max(counted.Get(name).Int(), 0)) }
	return &wit.Usage{Input: count("inputTokens"), Output: count("outputTokens"), CacheRead: count("cacheReadInputTokens"), CacheWrite: count("cacheWriteInputTokens")}
}

// say adds a piece to the answer, unless it is empty, and to the last one if that is of its kind.
func say(answer *wit.ProviderAnswer, kind wit.DeltaKind, text string) {
	if text == "" {
		return
	}
	if n := len(answer.Deltas) - 1; n >= 0 && answer.Deltas[n].Kind == kind {
		answer.Deltas[n].Text += text
		return
	}
	answer.Deltas = append(answer.Deltas, wit.Delta{Kind: kind, Text: text})
}
