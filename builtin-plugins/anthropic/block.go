package anthropic

import (
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/provider/half"
	"github.com/carapace-gateway/carapace/wit"
)

// An answer is a list of blocks, one after the other, each of which begins, comes in pieces, and ends:
//
//	{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"toolu_1","name":"calc","input":{}}}
//	{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"expr"}}
//	{"type":"content_block_stop","index":1}
//
// Other servers give blocks whole, leave out beginnings or ends, or let the pieces of several calls alternate.

// The kinds of blocks.
const (
	ofText     = "text"
	ofThinking = "thinking"
	ofRedacted = "redacted_thinking"
	ofTool     = "tool_use"
	ofAnswer   = "answer" // a tool's arguments that are the answer
)

// open is a block that has begun and not ended.
type open struct {
	index int64
	kind  string
	half  half.Half
	call  int64 // of a tool: which call it is
	whole bool  // of a tool: its arguments came at once
	bytes int64 // of a text that is not the first one: how long it is so far
	// text and signature are of thinking.
	text, signature string
}

// begin reads a block's beginning, and all that it has in it already.
func (s *state) begin(index int64, of json.Value, answer *wit.ProviderAnswer) {
	s.end(func(b *open) bool { return b.kind == ofText || b.kind == ofThinking }, answer)
	kind := of.Get("type").Text()
	switch kind {
	case ofText:
		s.said(s.at(index, ofText), of.Get("text"), answer)
	case ofThinking:
		b := s.at(index, ofThinking)
		s.thought(b, of.Get("thinking"), answer)
		s.signed(b, of.Get("signature"))
	case ofRedacted:
		s.place(json.Object{}.Text("type", ofRedacted).Text("data", of.Get("data").Text()).JSON())
	case ofTool:
		s.tool(index, of, answer)
	}
}

// tool reads the beginning of a tool's call.
func (s *state) tool(index int64, of json.Value, answer *wit.ProviderAnswer) {
	b := open{index: index, kind: ofTool, call: s.calls}
	if name := of.Get("name").Text(); s.answerTool != "" && name == s.answerTool {
		b.kind = ofAnswer
	} else {
		if s.calls == wit.ProviderAnswerToolCallsMax {
			s.fail(answer, wit.NewError(wit.CodeTooLarge, "anthropic: the model calls more tools at once than the gateway takes"))
			return
		}
		s.calls++
		s.place(placeOfCall)
		answer.CallDeltas = append(answer.CallDeltas, wit.CallDelta{Call: uint32(b.call), ID: of.Get("id").Text(), Name: s.names.Of(name)})
	}
	if given := of.Get("input"); given.IsObject() && len(given.Raw()) > len("{}") {
		s.argue(&b, string(given.Raw()), answer)
		b.whole = true
	}
	s.open = append(s.open, b)
}

// delta reads a piece of a block. Where the block's beginning is missing, the kind of the piece says what it is.
func (s *state) delta(index int64, piece json.Value, answer *wit.ProviderAnswer) {
	switch piece.Get("type").Text() {
	case "text_delta":
		text := piece.Get("text")
		s.said(s.at(index, ofText), text, answer)
		s.only = saying{text, index}
	case "thinking_delta":
		s.thought(s.at(index, ofThinking), piece.Get("thinking"), answer)
	case "signature_delta":
		s.signed(s.at(index, ofThinking), piece.Get("signature"))
	case "input_json_delta":
		for i := range s.open {
			if b := &s.open[i]; b.index == index && (b.kind == ofTool || b.kind == ofAnswer) && !b.whole {
				s.argue(b, b.half.Join(piece.Get("partial_json")), answer)
			}
		}
	}
}

// at is the open block of an index and a kind, or a new one.
func (s *state) at(index int64, kind string) *open {
	for i := range s.open {
		if s.open[i].index == index && s.open[i].kind == kind {
			return &s.open[i]
		}
	}
	if kind == ofText {
		s.texts++
	}
	s.open = append(s.open, open{index: index, kind: kind})
	return &s.open[len(s.open)-1]
}

// said says a piece of a text.
func (s *state) said(b *open, value json.Value, answer *wit.ProviderAnswer) {
	s.saidText(b, b.half.Join(value), answer)
}

func (s *state) saidText(b *open, text string, answer *wit.ProviderAnswer) {
	s.spoke = s.spoke || text != ""
	if s.texts > 1 { // the gateway reads most of the first one
		b.bytes += int64(len(text))
	}
	say(answer, wit.DeltaKindText, text)
}

// thought says a piece of thinking, and keeps it.
func (s *state) thought(b *open, value json.Value, answer *wit.ProviderAnswer) {
	s.thoughtText(b, b.half.Join(value), answer)
}

func (s *state) thoughtText(b *open, text string, answer *wit.ProviderAnswer) {
	say(answer, wit.DeltaKindThinking, text)
	if s.fits(len(text)) {
		b.text += text
	}
}

// signed keeps a piece of a signature.
func (s *state) signed(b *open, value json.Value) {
	if text := value.Text(); s.fits(len(text)) {
		b.signature += text
	}
}

// argue gives out a piece of a call's arguments, or of the answer that they are.
func (s *state) argue(b *open, text string, answer *wit.ProviderAnswer) {
	switch {
	case text == "":
	case b.kind == ofAnswer:
		s.spoke = true
		say(answer, wit.DeltaKindText, text)
	default:
		answer.CallDeltas = append(answer.CallDeltas, wit.CallDelta{Call: uint32(b.call), Args: text})
	}
}

// end ends the open blocks that are meant.
func (s *state) end(meant func(*open) bool, answer *wit.ProviderAnswer) {
	left := s.open[:0]
	for i := range s.open {
		if meant(&s.open[i]) {
			s.close(&s.open[i], answer)
		} else {
			left = append(left, s.open[i])
		}
	}
	s.open = left
}

// close gives out what of a block was held back, and notes its place.
func (s *state) close(b *open, answer *wit.ProviderAnswer) {
	rest := b.half.Rest()
	switch b.kind {
	case ofText:
		s.saidText(b, rest, answer)
		s.place(strconv.AppendInt(nil, b.bytes, 10))
	case ofThinking:
		s.thoughtText(b, rest, answer)
		s.size -= int64(len(b.text) + len(b.signature)) // they were counted as they came
		s.place(json.Object{}.Text("type", ofThinking).Text("thinking", b.text).Text("signature", b.signature).JSON())
	default:
		s.argue(b, rest, answer)
	}
}

// placeOfCall stands in the order of blocks for a call; see opaque.go.
var placeOfCall = json.Text("call")

// place notes the place of a block. The order is worth nothing once a part of it is lost.
func (s *state) place(item wit.JSON) {
	if s.fits(len(item)) {
		s.order = s.order.Add(item)
	}
}

// fits reports whether so many bytes more may be kept, and counts them. Once they may not, nothing that is kept is of use.
func (s *state) fits(bytes int) bool {
	s.size += int64(bytes)
	s.lost = s.lost || s.size > maxThinking
	return !s.lost
}

// say adds a piece to the answer, unless it is empty. Neighbours of one kind are one: there are as many as words.
func say(answer *wit.ProviderAnswer, kind wit.DeltaKind, text string) {
	if text == "" {
		return
	}
	if n := len(answer.Deltas); n > 0 && answer.Deltas[n-1].Kind == kind {
		answer.Deltas[n-1].Text += text
		return
	}
	answer.Deltas = append(answer.Deltas, wit.Delta{Kind: kind, Text: text})
}
