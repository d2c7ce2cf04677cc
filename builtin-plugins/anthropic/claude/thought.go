package claude

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// rooms are how many tokens a level leaves for thinking: the budget of models that have one, and of all models what an answer
// may be longer for it, since thinking counts as a part of the answer.
var rooms = map[string]int64{"low": 2048, "medium": 8192, "high": 16384}

// Thought is how a request has the model think.
type Thought struct {
	Kind   string // adaptive, enabled, disabled; empty says nothing
	Budget int64  // of enabled
	Effort string // empty leaves it to the model
	Shown  bool   // the thinking is to be told
	On     bool   // the model may think, so what it thought before can go back
	Room   int64  // what the answer may be longer
}

// Thought says how a chat's level is said to a family. forced says that the model is told which tool to call, and then it
// must not think. began reports whether a turn goes back with thinking before anything else.
func (f *Family) Thought(chat *wit.Chat, forced bool, began func(*wit.ChatTurn) bool) Thought {
	level, room := chat.Thinking, rooms[chat.Thinking]
	switch {
	case f.Thinking == Never:
		return Thought{}
	case f.Thinking == Budget:
		if room == 0 || forced || !resumable(chat, began) {
			return Thought{On: f == &Stranger && level != "off"} // it may think without being told to
		}
		t := Thought{Kind: "enabled", Budget: room, On: true, Room: room}
		if f.Effort {
			t.Effort = level
		}
		return t
	case f.Thinking == Always && level == "off":
		return Thought{Kind: "adaptive", Effort: "low", On: true}
	case f.Thinking == ByDefault && (level == "off" || forced):
		return Thought{Kind: "disabled"}
	case room > 0 && !forced:
		return Thought{Kind: "adaptive", Effort: level, Shown: true, On: true, Room: room}
	case f.Thinking == Adaptive:
		return Thought{}
	case f.Bound:
		return Thought{Kind: "adaptive", On: true} // as without, but it can be said what becomes of old thinking
	}
	return Thought{On: true}
}

// Temperature reports whether a request may set one: some families take none, and none does while it thinks.
func (f *Family) Temperature(t *Thought) bool {
	return f.Samples && (t.Kind == "" || t.Kind == "disabled")
}

// Length is how many tokens an answer may have that is to have so many without thinking: thinking counts too, and no model
// takes a number that is more than it can write.
func (f *Family) Length(tokens int64, t *Thought) int64 {
	tokens += t.Room
	if f != &Stranger {
		tokens = min(tokens, f.Output)
	}
	return max(tokens, t.Budget+1)
}

// resumable reports whether the chat goes on in a way in which a model with a budget may think: after calls of tools that it
// has not answered yet only if there was thinking before them, or the request is refused.
func resumable(chat *wit.Chat, began func(*wit.ChatTurn) bool) bool {
	for i := len(chat.Turns) - 1; i >= 0; i-- {
		turn := &chat.Turns[i]
		switch {
		case turn.Role != wit.RoleAssistant:
		case len(turn.ToolCalls) == 0:
			return true
		case !began(turn):
			return false
		}
	}
	return true
}

// Add adds the parameter to the fields of a request. drops has thinking left out that does not fit what stands before it, in
// place of refusing the request; it is for Bound families alone.
func (t *Thought) Add(fields json.Object, drops bool) json.Object {
	if t.Kind == "" {
		return fields
	}
	return fields.Object("thinking", func(o json.Object) json.Object {
		o = o.Text("type", t.Kind)
		if t.Kind == "enabled" {
			return o.Int("budget_tokens", t.Budget)
		}
		if t.Shown {
			o = o.Text("display", "summarized")
		}
		if t.Kind == "adaptive" && drops {
			o = o.Object("block_binding", func(o json.Object) json.Object { return o.Text("prefix_mismatch_behavior", "drop_block") })
		}
		return o
	})
}
