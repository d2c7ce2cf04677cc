package agent

import (
	"context"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/service/hook"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// The window is estimated: a token is four bytes of text, a picture 1,500 tokens.
const (
	bytesPerToken = 4
	mediaCost     = 1500 * bytesPerToken
	maxWindow     = 4000 // messages
	// reserved is the part of the context that is left for the answer: one in reserved.
	reserved = 4
)

// view is what a model reads of a history.
type view struct {
	messages []session.Message
	newest   uint64 // the number of the history's newest message
	cut      bool   // older ones are left out
}

// window reads as much of the end of the run's history as fits into budget bytes, cut where a user speaks, and
// always all of the run's own messages.
// A window that began with an answer, or with a tool's result, would be refused by some providers. Messages marked
// as aside are in the history for people and cost nothing here, nor do other runs' quiet ones. A damaged message may be any, also the run's first:
// the model reads of it where the user could have spoken.
func (l *loop) window(tx store.Tx, history *session.Reader, budget int) (v view, err error) {
	run := l.active.Run.ID
	summary, err := session.SummaryOf(tx, l.active.Run.SessionID)
	if err != nil {
		return v, err
	}
	left, whole, heard := budget-len(summary.Text), false, hearing{} // whole: the run's first message was seen
	messages, err := history.Newest(tx, maxWindow, func(m session.Message) bool {
		if m.Number <= summary.Through {
			return false
		}
		if heard.see(m) && m.Run != run || m.Aside {
			return true
		}
		left -= cost(m)
		if left < 0 && whole {
			v.cut = true
			return false
		}
		whole = whole || m.Damaged || m.Run == run && m.Role == wit.RoleUser
		return true
	})
	if err != nil {
		return v, err
	}
	if n := len(messages); n > 0 {
		v.newest, v.cut = messages[n-1].Number, v.cut || n == maxWindow
	}
	v.messages = make([]session.Message, 0, len(messages))
	for _, m := range messages {
		if m.Damaged {
			m.Role = wit.RoleUser
		}
		if m.Aside || m.Run != run && heard.nothing(m) || len(v.messages) == 0 && m.Role != wit.RoleUser && m.Run != run {
			continue
		}
		if m.Role == wit.RoleAssistant && len(m.Parts) == 0 && len(m.ToolCalls) == 0 {
			continue
		}
		v.messages = append(v.messages, m)
	}
	if v.cut {
		v.messages = steadyStart(v.messages, run, budget-len(summary.Text))
	}
	if summary.Through > 0 {
		v.messages = remember(v.messages, summary.Text)
	}
	return v, nil
}

// steadyShare is the part of the window that may be left empty for the sake of the providers' caches, which read again what a request
// has in common with the one before it: one in steadyShare.
const steadyShare = 4

// steadyStart lets a window that older messages were cut off begin where it has begun before, as far as that fits: else each question
// would push the beginning on, and nothing of a request would be as in the one before it. Of the places where a user speaks, up
// to the run's own question, and that leave it full enough, it takes the one that weighs most.
func steadyStart(messages []session.Message, run string, room int) []session.Message {
	best, heaviest, left := 0, uint64(0), size(messages)
	for i, m := range messages {
		if left < room-room/steadyShare {
			break
		}
		if w := weight(m.Number); m.Role == wit.RoleUser && left <= room && w > heaviest {
			best, heaviest = i, w
		}
		if m.Run == run {
			break
		}
		left -= cost(m)
	}
	return messages[best:]
}

// weight is a number that has nothing to do with a message's but that it is always the same: of messages that move through a
// window, the one that weighs most stays the same for as long as half of the window takes. It is the finalizer of SplitMix64.
func weight(number uint64) uint64 {
	number += 0x9e3779b97f4a7c15
	number = (number ^ number>>30) * 0xbf58476d1ce4e5b9
	number = (number ^ number>>27) * 0x94d049bb133111eb
	return number ^ number>>31
}

// hearing is the runs, by id, of which somebody has heard, or which called a tool. A history is shown to it from its end.
type hearing map[string]bool

// see takes note of a message and reports whether the model does not read it.
func (h hearing) see(m session.Message) (unread bool) {
	if !m.Quiet {
		h[m.Run] = true
	}
	return h.nothing(m)
}

// nothing reports whether a message that was seen is of a run of which nobody has heard.
func (h hearing) nothing(m session.Message) bool { return m.Quiet && !h[m.Run] }

// remember puts what a summary says before the messages that follow it.
func remember(messages []session.Message, summary string) []session.Message {
	said := session.TextPart("[the conversation so far, in short:\n" + summary + "\n]")
	if len(messages) > 0 && messages[0].Role == wit.RoleUser {
		messages[0].Parts = append([]wit.Part{said}, messages[0].Parts...)
		return messages
	}
	return slices.Insert(messages, 0, session.Message{Role: wit.RoleUser, Parts: []wit.Part{said}})
}

// compact makes a conversation fit that is longer than the model reads, and tells the hooks of it, once a run.
func (l *loop) compact(ctx context.Context, v view, budget int) []session.Message {
	told := l.compacted
	l.compacted = told || v.cut || size(v.messages) > budget
	if told || !l.compacted {
		shrink(v.messages, budget)
		return v.messages
	}
	r := l.active.Run
	_, _ = hook.BeforeCompaction.Fire(ctx, l.hooks, hookContext(r), wit.BeforeCompaction{SessionID: r.SessionID, Messages: v.newest, Budget: uint64(budget)})
	done := wit.AfterCompaction{SessionID: r.SessionID, Messages: v.newest, Shortened: uint32(shrink(v.messages, budget))}
	if len(v.messages) > 0 {
		done.First = v.messages[0].Number
	}
	_, _ = hook.AfterCompaction.Fire(ctx, l.hooks, hookContext(r), done)
	return v.messages
}

func size(messages []session.Message) (n int) {
	for _, m := range messages {
		n += cost(m)
	}
	return n
}

// cost is about how many bytes of the window a message takes.
// It need not be exact: a quarter of the context is left over.
func cost(m session.Message) int {
	n := 16
	for _, p := range m.Parts {
		if p.Text != nil {
			n += len(*p.Text)
		}
		if p.Media != nil {
			n += mediaCost
		}
	}
	for _, c := range m.ToolCalls {
		n += len(c.Name) + len(c.Args) + len(c.Opaque)
	}
	return n + len(m.Thinking) + len(m.Opaque)
}

// shrink replaces the oldest results of tools by a note until the messages fit; of the newest one as much stays as
// fits then, and at least leastResult bytes. It returns how many it has changed.
// Only results of tools are given up, the oldest first: they are long, and the model has drawn on them already. Some more are than
// have to be, so that the next requests need not give up one each, see steadyStart.
func shrink(messages []session.Message, budget int) (changed int) {
	total, last := size(messages), -1
	for i, m := range messages {
		if m.Role == wit.RoleTool {
			last = i
		}
	}
	for _, i := range givenUp(messages, total, budget, last) {
		total -= cost(messages[i])
		messages[i].Parts = []wit.Part{session.TextPart(leftOut)}
		total += cost(messages[i])
		changed++
	}
	if last < 0 {
		return changed
	}
	if over := min(total-budget, cost(messages[last])-leastResult); over > 0 {
		messages[last].Parts = shorten(messages[last].Parts, over)
		changed++
	}
	return changed
}

// leftOut stands for a result that a model does not read any more.
const leftOut = "[left out: the conversation is too long for the model]"

// givenUp are the results of tools before the last one that are given up for messages of a size to fit, by their places.
func givenUp(messages []session.Message, total, budget, last int) (list []int) {
	fits, heaviest := -1, uint64(0)
	for i := 0; i < last && (total > budget || total > budget-budget/steadyShare && fits >= 0); i++ {
		if messages[i].Role != wit.RoleTool {
			continue
		}
		note := messages[i]
		note.Parts = []wit.Part{session.TextPart(leftOut)}
		total += cost(note) - cost(messages[i])
		list = append(list, i)
		if w := weight(messages[i].Number); total <= budget && w > heaviest {
			fits, heaviest = len(list), w
		}
	}
	if fits >= 0 {
		return list[:fits]
	}
	return list
}

// leastResult is how much of a tool's newest result a model reads in any case.
const leastResult = 4 << 10

// shorten takes so many bytes off the end of the parts' texts, and says so. The parts given stay as they are.
func shorten(parts []wit.Part, over int) []wit.Part {
	const note = "\n[cut: the result is longer than the model reads]"
	if over <= 0 {
		return parts
	}
	parts = slices.Clone(parts)
	over += len(note)
	for i := len(parts) - 1; i >= 0 && over > 0; i-- {
		if parts[i].Text == nil {
			continue
		}
		text := *parts[i].Text
		keep := max(len(text)-over, 0)
		over -= len(text) - keep
		parts[i].Text = new(strings.ToValidUTF8(text[:keep], "") + note)
	}
	return parts
}

// turns makes what a model reads of a history: each request for tools is followed by its results,
// whatever stands between them in the history, and a result that is missing is said to be.
// Providers refuse a request for tools that is not answered, in order, at once. What a provider wanted to have again
// goes to the model that it is from, and to no other one. Files of the assistant's come with what the user says next: few providers
// take any of the model's own.
func turns(messages []session.Message, model choice) []wit.ChatTurn {
	results := map[string][]session.Message{} // call id → results, in order
	for _, m := range messages {
		if m.Role == wit.RoleTool {
			results[m.ToolCallID] = append(results[m.ToolCallID], m)
		}
	}
	out := make([]wit.ChatTurn, 0, len(messages))
	var made []wit.Part // by the assistant, since the user spoke
	for _, m := range messages {
		if m.Role == wit.RoleTool {
			continue
		}
		if m.Provider != model.provider || m.Model != model.model {
			m = m.WithoutOpaque()
		}
		said := content(m)
		switch {
		case m.Role == wit.RoleAssistant:
			var files []wit.Part
			said, files = apart(said)
			made = append(made, files...)
		case m.Role == wit.RoleUser && len(made) > 0:
			said, made = slices.Concat([]wit.Part{session.TextPart(madeNote)}, made, said), nil
		}
		out = append(out, wit.ChatTurn{Role: m.Role, Content: said, ToolCalls: m.ToolCalls, Thinking: m.Thinking, Opaque: m.Opaque})
		for _, call := range m.ToolCalls {
			id := call.ID
			result := wit.ChatTurn{Role: wit.RoleTool, Content: []wit.Part{session.TextPart("[no result was recorded]")}, ToolCallID: &id}
			if found := results[id]; len(found) > 0 {
				result.Content, result.Failed, results[id] = found[0].Parts, found[0].Failed, found[1:]
			}
			out = append(out, result)
		}
	}
	return out
}

// madeNote says whose the files are that stand before what a user says.
const madeNote = "[what you have made above:]"

// apart are the parts that are no files, a word for what has no others, and those that are.
func apart(parts []wit.Part) (rest, files []wit.Part) {
	for _, p := range parts {
		if p.Media != nil {
			files = append(files, p)
		} else {
			rest = append(rest, p)
		}
	}
	if len(files) == 0 {
		return parts, nil
	}
	if len(rest) == 0 {
		rest = []wit.Part{session.TextPart("[" + string(files[0].Kind) + "]")}
	}
	return rest, files
}

// content is a message's parts; in a group, what a person says bears the name.
func content(m session.Message) []wit.Part {
	if m.Role != wit.RoleUser || m.Origin == nil || m.Origin.Sender == nil || !isGroup(m.Origin.Conversation) {
		return m.Parts
	}
	return append([]wit.Part{session.TextPart("[from " + message.Who(*m.Origin.Sender) + "]")}, m.Parts...)
}

// overhead is what a request costs beside its messages.
func overhead(system string, tools []wit.ToolSpec) int {
	n := len(system)
	for _, t := range tools {
		n += len(t.Name) + len(t.Description) + len(t.Parameters) + 32
	}
	return n
}
