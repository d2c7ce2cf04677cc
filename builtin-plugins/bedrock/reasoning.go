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

// remembered are the turns whose reasoning goes back, which has to be there as a whole. Models that bind it to all that stood
// before it get that of the calls since the user has said something: the day in the prompt, say, or a tool that is new would
// make them refuse what is older, and the conversation from then on.
func (q *question) remembered() map[*wit.ChatTurn]bool {
	back := map[*wit.ChatTurn]bool{}
	for i := len(q.chat.Turns) - 1; i >= 0 && q.thought.On; i-- {
		turn := &q.chat.Turns[i]
		if turn.Role == wit.RoleUser && q.family.Bound {
			break
		}
		back[turn] = turn.Role == wit.RoleAssistant && complete(turn)
	}
	return back
}

// complete reports whether a turn that calls tools has all of its reasoning.
func complete(turn *wit.ChatTurn) bool {
	opaque, _ := json.Parse(turn.Opaque) // it is this plugin's own
	total, some := 0, false
	for block := range opaque.Get("blocks").Items() {
		total, some = total+int(block.Get("length").Int()), true
	}
	return some && total == len(turn.Thinking) && len(turn.ToolCalls) > 0
}

// reasoned adds what a turn thought, all of which is there.
func reasoned(list json.Array, turn *wit.ChatTurn) json.Array {
	opaque, _ := json.Parse(turn.Opaque)
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
