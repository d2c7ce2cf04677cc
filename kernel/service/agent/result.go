package agent

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/service/hook"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

// result is what a tool call came to.
type result struct {
	parts  []wit.Part
	failed bool
}

func failure(text string) result {
	return result{parts: []wit.Part{session.TextPart(text)}, failed: true}
}

func (r result) text() string { return session.Message{Parts: r.parts}.Text() }

// persistable bounds a result and lets the hook tool_result_persist change its text.
// The bound comes first, so a hook is not handed more than is kept, and again after the hook, which may have made
// it longer. A hook that fails withholds the result: it may be there to take secrets out.
func (c *toolCalls) persistable(ctx context.Context, call wit.ToolCall, r result) result {
	// A result that is there is recorded even if the run is being stopped, but not past a hook.
	r, err := passed(context.WithoutCancel(ctx), c.hooks, hookContext(c.active.Run), call, r)
	if err != nil {
		return failure("The result was withheld: " + publicText(err))
	}
	return r
}

// passed is a result within its bounds, with the text that the hook tool_result_persist leaves. Errors: the hook's.
func passed(ctx context.Context, h *hook.Hooks, at wit.HookContext, call wit.ToolCall, r result) (result, error) {
	r.parts = bound(r.parts)
	before := r.text()
	e, err := hook.ToolResultPersist.Fire(ctx, h, at, wit.ToolResultPersist{Tool: call.Name, CallID: call.ID, Result: before})
	if err != nil || e.Result == before {
		return r, err
	}
	media := slices.DeleteFunc(r.parts, func(p wit.Part) bool { return p.Media == nil })
	r.parts = bound(append([]wit.Part{session.TextPart(e.Result)}, media...))
	return r, nil
}

// bound cuts parts to the bytes of text, and the number of parts, that the contract gives, and says so. JSON becomes
// text, and nothing at all becomes a word.
// Results are read again with each later request, so what is kept of them is paid for many times.
func bound(parts []wit.Part) []wit.Part {
	var out []wit.Part
	left := wit.LimitToolTextBytes
	for i, p := range parts {
		if i == wit.ToolOutputContentCut || left <= 0 {
			out = append(out, session.TextPart("[cut: "+strconv.Itoa(len(parts)-i)+" further parts of the result are left out]"))
			break
		}
		if p.Kind == "" || p.Kind == wit.PartKindJSON {
			p.Kind = wit.PartKindText
		}
		if p.Text != nil {
			text := strings.ToValidUTF8(*p.Text, "\uFFFD")
			if len(text) > left {
				text = strings.ToValidUTF8(text[:max(left, 0)], "") + "\n[cut: the result is longer than the limit]"
			}
			left -= len(text)
			p.Text = &text
		}
		out = append(out, p)
	}
	if len(out) == 0 {
		return []wit.Part{session.TextPart("(no output)")}
	}
	return out
}
