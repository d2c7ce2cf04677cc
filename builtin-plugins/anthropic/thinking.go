package anthropic

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// rooms are how many tokens a level leaves for thinking: the budget of models that have one, and of all models what an answer
// may be longer for it, since thinking counts as a part of the answer.
var rooms = map[string]int64{"low": 2048, "medium": 8192, "high": 16384}

// bindingBeta lets a request say what becomes of thinking that does not fit what stands before it.
const bindingBeta = "thinking-binding-controls-2026-08-01"

// interleavedBeta lets models of version 4 think between the calls of tools.
const interleavedBeta = "interleaved-thinking-2025-05-14"

// thought is how a request has the model think.
type thought struct {
	kind   string // adaptive, enabled, disabled; empty says nothing
	budget int64  // of enabled
	effort string // empty leaves it to the model
	shown  bool   // the thinking is to be told
	on     bool   // the model may think, so what it thought before can go back
	room   int64  // what the answer may be longer
}

// thoughtOf says how a chat's level is said to a family. forced says that the model is told which tool to call, and then it
// must not think.
func thoughtOf(f *family, chat *wit.Chat, forced bool) thought {
	level, room := chat.Thinking, rooms[chat.Thinking]
	switch {
	case f.thinking == never:
		return thought{}
	case f.thinking == budget:
		if room == 0 || forced || !resumable(chat) {
			return thought{on: f == &stranger && level != "off"} // it may think without being told to
		}
		t := thought{kind: "enabled", budget: room, on: true, room: room}
		if f.effort {
			t.effort = level
		}
		return t
	case f.thinking == always && level == "off":
		return thought{kind: "adaptive", effort: "low", on: true}
	case f.thinking == byDefault && (level == "off" || forced):
		return thought{kind: "disabled"}
	case room > 0 && !forced:
		return thought{kind: "adaptive", effort: level, shown: true, on: true, room: room}
	case f.thinking == adaptive:
		return thought{}
	case f.bound:
		return thought{kind: "adaptive", on: true} // as without, but it can be said what becomes of old thinking
	}
	return thought{on: true}
}

// resumable reports whether the chat goes on in a way in which a model with a budget may think: after calls of tools that it
// has not answered yet only if there was thinking before them, or the request is refused.
func resumable(chat *wit.Chat) bool {
	for i := len(chat.Turns) - 1; i >= 0; i-- {
		turn := &chat.Turns[i]
		switch {
		case turn.Role != wit.RoleAssistant:
		case len(turn.ToolCalls) == 0:
			return true
		case !beganThinking(turn):
			return false
		}
	}
	return true
}

// add adds the parameters. What a gateway sends before a thinking changes at times: the day in the prompt, a tool that is
// new, pictures that are not shown again. Then the thinking is left out, and the request not refused.
func (t *thought) add(body json.Object, f *family) json.Object {
	if t.kind == "" {
		return body
	}
	return body.Object("thinking", func(o json.Object) json.Object {
		o = o.Text("type", t.kind)
		if t.kind == "enabled" {
			return o.Int("budget_tokens", t.budget)
		}
		if t.shown {
			o = o.Text("display", "summarized")
		}
		if t.kind == "adaptive" && f.bound {
			o = o.Object("block_binding", func(o json.Object) json.Object { return o.Text("prefix_mismatch_behavior", "drop_block") })
		}
		return o
	})
}
