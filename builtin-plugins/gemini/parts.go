package gemini

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// part reads one part of an answer, and reports whether there is room for it. These exist, each with or without a
// thoughtSignature beside:
//
//	{"text":"Hello"}
//	{"text":"hm","thought":true}
//	{"functionCall":{"id":"…","name":"calc","args":{…}}}
//	{"inlineData":{"mimeType":"image/png","data":"…"}}
//
// A picture that is a thought is a sketch of the one that comes. What the data is, the gateway has taken out: its id stands there.
func (s *state) part(part json.Value, answer *wit.ProviderAnswer) bool {
	var text, call, file, thought, signature json.Value
	for name, field := range part.Fields() {
		switch name {
		case "text":
			text = field
		case "functionCall":
			call = field
		case "inlineData":
			file = field
		case "thought":
			thought = field
		case "thoughtSignature", "thought_signature":
			signature = field
		}
	}
	signed := signature.Text() != ""
	switch {
	case call.IsObject():
		return s.call(call, signature.Text(), answer)
	case file.IsObject():
		if id := file.Get("data").Text(); id != "" && !thought.Bool() {
			answer.Files = append(answer.Files, wit.MadeFile{Media: &id})
			s.drew = true
		}
	case thought.Bool():
		say(answer, wit.DeltaKindThinking, s.thought.Join(text))
		if signed {
			s.markPart(part)
		}
	case text.IsText():
		from := s.said
		s.say(answer, s.text.Join(text))
		switch {
		case signed && s.said > from:
			s.mark(from, s.said, signature.Text())
		case signed:
			s.markPart(part)
		}
	}
	return true
}

// say says a text of the answer.
func (s *state) say(answer *wit.ProviderAnswer, text string) {
	s.said += int64(len(text))
	say(answer, wit.DeltaKindText, text)
}

// call gives out a call, which comes whole. The id is the gateway's to make where the server gives none.
func (s *state) call(call json.Value, signature string, answer *wit.ProviderAnswer) bool {
	if s.calls == wit.ProviderAnswerToolCallsMax {
		return false
	}
	delta := wit.CallDelta{Call: uint32(s.calls), ID: call.Get("id").Text(), Name: s.names.Of(call.Get("name").Text())}
	if args := call.Get("args"); args.IsObject() && string(args.Raw()) != "{}" {
		delta.Args = string(args.Raw())
	}
	kept := json.Sparse{}
	kept.AddText("id", delta.ID)
	if len(signature) < maxOpaque {
		kept.AddText("signature", signature)
	}
	if len(kept.Object) > 0 {
		delta.Opaque = kept.JSON()
	}
	answer.CallDeltas = append(answer.CallDeltas, delta)
	s.calls++
	return true
}

// flush says halves of characters that stayed alone.
func (s *state) flush(answer *wit.ProviderAnswer) {
	say(answer, wit.DeltaKindThinking, s.thought.Rest())
	s.say(answer, s.text.Rest())
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
