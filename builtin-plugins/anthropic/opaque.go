package anthropic

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// What a model thought is signed, and goes back as it came, at the place where it stood: with calls of tools it has to, and
// newer models go on with it. So the opaque data of a turn is the order of its blocks:
//
//	{"order":[{"type":"thinking","thinking":"…","signature":"…"},0,{"type":"redacted_thinking","data":"…"},34,"call"]}
//
// An object is a block as it goes back, a number so many bytes of the turn's text (0 is what the other numbers leave, since
// the gateway reads most of an answer's first text itself), "call" the next call.

// maxThinking bounds the thinking of one turn that goes back, for it travels in the state. A turn that has more goes back
// without.
const maxThinking = 128 << 10

// beganThinking reports whether a turn has thinking before anything else.
func beganThinking(turn *wit.ChatTurn) bool {
	for item := range order(turn.Opaque) {
		return item.IsObject()
	}
	return false
}

// order yields the places of a turn's blocks.
func order(opaque wit.JSON) func(yield func(json.Value) bool) {
	value, _ := json.Parse(opaque) // it is this plugin's own, or none
	return value.Get("order").Items()
}

// arranged puts the blocks of a turn in their order. What has no place in it stands at the end, the text before the calls.
// signed says that thinking without a signature is refused.
func arranged(opaque wit.JSON, text string, calls []block, signed bool) (blocks []block) {
	rest := len(text)
	for item := range order(opaque) {
		rest -= int(item.Int())
	}
	say := func(n int) {
		if n = min(n, len(text)); n <= 0 {
			return
		}
		if part := text[:n]; strings.TrimSpace(part) != "" {
			blocks = append(blocks, func(o json.Object) json.Object { return textBlock(o, part) })
		}
		text = text[n:]
	}
	for item := range order(opaque) {
		switch {
		case item.IsObject():
			if !signed || item.Get("signature").Text() != "" || item.Get("data").Text() != "" {
				blocks = append(blocks, thinkingBlock(item))
			}
		case item.IsText() && len(calls) > 0:
			blocks, calls = append(blocks, calls[0]), calls[1:]
		case item.Int() > 0:
			say(int(item.Int()))
		default:
			say(rest)
		}
	}
	say(len(text))
	return append(blocks, calls...)
}

// thinkingBlock is one that came, as it came.
func thinkingBlock(kept json.Value) block {
	return func(o json.Object) json.Object {
		for name, field := range kept.Fields() {
			o = o.Raw(name, field.Raw())
		}
		return o
	}
}
