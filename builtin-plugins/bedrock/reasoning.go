package bedrock

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// A model that thinks signs what it thought before it calls tools, and wants both back with them. The gateway keeps the
// thinking of such a turn, and, as opaque data, where its blocks end, with their signatures, or what is hidden of it:
//
//	{"blocks":[{"length":42,"signature":"…"},{"redacted":"…"}]}

// maxOpaque bounds what is kept of one turn, for it travels in the state. What is longer is not kept.
const maxOpaque = 64 << 10

// keep takes up a block of reasoning that has ended.
func (s *state) keep(block wit.JSON) {
	if len(s.blocks)+len(block) < maxOpaque {
		s.blocks = s.blocks.Add(block)
	} else {
		s.lost = true
	}
}

// opaque is what a turn is to have again; without one of its blocks the others are refused.
func (s *state) opaque() wit.JSON {
	if len(s.blocks) == 0 || s.lost {
		return nil
	}
	return json.Object{}.Raw("blocks", s.blocks.JSON()).JSON()
}

// reasoned adds what a turn thought, if all of it is there.
func reasoned(list json.Array, turn *wit.ChatTurn) json.Array {
	opaque, _ := json.Parse(turn.Opaque) // it is this plugin's own
	total := 0
	for block := range opaque.Get("blocks").Items() {
		total += int(block.Get("length").Int())
	}
	if total != len(turn.Thinking) || len(turn.ToolCalls) == 0 {
		return list
	}
	at := 0
	for block := range opaque.Get("blocks").Items() {
		end := at + int(block.Get("length").Int())
		list = list.Object(func(o json.Object) json.Object {
			return o.Object("reasoningContent", func(o json.Object) json.Object {
				if hidden := block.Get("redacted").Text(); hidden != "" {
					return o.Text("redactedContent", hidden)
				}
				return o.Object("reasoningText", func(o json.Object) json.Object {
					return o.Text("text", turn.Thinking[at:end]).Text("signature", block.Get("signature").Text())
				})
			})
		})
		at = end
	}
	return list
}
