package openai

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// delta reads a piece of a message, or all of one. Most have one field, and it is "content"; these exist:
//
//	{"role":"assistant","content":"Hello"}
//	{"content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"Hello"}]}
//	{"reasoning_content":"hm"}
//	{"reasoning":"hm","reasoning_details":[…]}
//	{"thinking":"hm"}
//	{"refusal":"I cannot do that."}
//	{"tool_calls":[…]}
//	{"function_call":{"name":"calc","arguments":"{}"}}
//	{"images":[…]}
func (s *state) delta(delta json.Value, answer *wit.ProviderAnswer) {
	p := readPiece(delta)
	s.only = p.only()
	s.keep(delta, &p)
	s.thinking(&p, answer)
	s.content(p.content, answer)
	if p.refusal.Exists() && p.refusal.Text() != "" {
		s.text(p.refusal, answer)
		s.reason = refused
	}
	s.pictures(p.images, answer)
	for call := range p.calls.Items() {
		s.spoke = true
		if !s.call(call, call.Get("function"), answer) {
			s.fail(answer, wit.NewError(wit.CodeTooLarge, "openai: the model calls more tools at once than the gateway takes"))
			return
		}
	}
	// Before there were calls of tools there was one of a function. Who writes both says the same twice.
	if p.function.IsObject() && (len(s.calls) == 0 || s.oldCall) {
		s.spoke, s.oldCall = true, true
		s.call(json.Value{}, p.function, answer)
	}
}

// thinking reads the fields of thinking. A server that fills several of them says the same as often, so the first that was
// used is read; the details only where there is no other one.
func (s *state) thinking(p *piece, answer *wit.ProviderAnswer) {
	for n, name := range thinkingFields {
		if field := p.thinking[n]; field.IsText() {
			s.think(name, field, answer)
		}
	}
	for detail := range p.details.Items() {
		for _, name := range [...]string{"text", "summary"} {
			s.think(detailsField, detail.Get(name), answer)
		}
	}
}

// think says what stands in a field of thinking, unless another one is read.
func (s *state) think(name string, field json.Value, answer *wit.ProviderAnswer) {
	if field.Text() == "" || s.thinkingField != "" && s.thinkingField != name {
		return
	}
	s.thinkingField = name
	s.tags.Apart()
	say(answer, wit.DeltaKindThinking, s.thought.Join(field))
}

// content reads what is said: a text, or a list of parts, of which some may be thinking.
func (s *state) content(content json.Value, answer *wit.ProviderAnswer) {
	if content.IsText() {
		s.text(content, answer)
		return
	}
	for part := range content.Items() {
		switch part.Get("type").Text() {
		case "thinking", "reasoning":
			s.thinkingPart(part, answer)
		default:
			s.text(part.Get("text"), answer)
		}
	}
}

// thinkingPart reads a part of thinking, whose text is one, or a list of parts again.
func (s *state) thinkingPart(part json.Value, answer *wit.ProviderAnswer) {
	s.tags.Apart()
	for _, name := range [...]string{"thinking", "reasoning", "text"} {
		field := part.Get(name)
		if field.IsText() {
			say(answer, wit.DeltaKindThinking, s.thought.Join(field))
		}
		for inner := range field.Items() {
			say(answer, wit.DeltaKindThinking, s.thought.Join(inner.Get("text")))
		}
	}
}

// text says a text, but for thinking in tags at its beginning.
func (s *state) text(value json.Value, answer *wit.ProviderAnswer) {
	text := s.said.Join(value)
	if value.IsText() && len(value.Raw()) > len(`""`) {
		s.spoke = true
	}
	s.tags.Split(text, func(kind wit.DeltaKind, text string) { s.sort(kind, text, answer) })
}

// sort says what came out of a text. Thinking in tags is left out when a field has it as well.
func (s *state) sort(kind wit.DeltaKind, text string, answer *wit.ProviderAnswer) {
	if kind != wit.DeltaKindThinking || s.thinkingField == "" {
		say(answer, kind, text)
	}
}

// flush says what was held back for more to come: half a character, and what might have become a tag.
func (s *state) flush(answer *wit.ProviderAnswer) {
	say(answer, wit.DeltaKindThinking, s.thought.Rest())
	rest := s.said.Rest()
	each := func(kind wit.DeltaKind, text string) { s.sort(kind, text, answer) }
	s.tags.Split(rest, each)
	s.tags.Flush(stopReason(s.reason, len(s.calls) > 0) == wit.StopReasonEnd, each)
	for n := range s.calls {
		if rest := s.calls[n].half.Rest(); rest != "" {
			answer.CallDeltas = append(answer.CallDeltas, wit.CallDelta{Call: uint32(n), Args: rest})
		}
	}
}

// says gives out what is all that an event says.
func (s *state) says(all saying, answer *wit.ProviderAnswer) {
	if all.thinking != "" {
		s.think(all.thinking, all.value, answer)
	} else {
		s.text(all.value, answer)
	}
}

// say adds a piece to the answer, unless it is empty.
func say(answer *wit.ProviderAnswer, kind wit.DeltaKind, text string) {
	if text != "" {
		answer.Deltas = append(answer.Deltas, wit.Delta{Kind: kind, Text: text})
	}
}

// joined makes one of neighbours that are of one kind: there are as many as words.
func joined(deltas []wit.Delta) []wit.Delta {
	n := 0
	for from := 0; from < len(deltas); n++ {
		to, size := from, 0
		for to < len(deltas) && deltas[to].Kind == deltas[from].Kind {
			size += len(deltas[to].Text)
			to++
		}
		text := make([]byte, 0, size)
		for _, d := range deltas[from:to] {
			text = append(text, d.Text...)
		}
		deltas[n] = wit.Delta{Kind: deltas[from].Kind, Text: string(text)}
		from = to
	}
	return deltas[:n]
}
