package turn

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/hook"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
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

const unknownOutcome = "The call was interrupted and its outcome is unknown: it may have happened. " +
	"Do not repeat it blindly; check first, or ask."

// callTools makes the calls that have no result yet, one after the other, and records each result.
func (t *turn) callTools(ctx context.Context) error {
	for len(t.pending) > 0 {
		call := t.pending[0]
		if err := t.callTool(ctx, call); err != nil {
			return err
		}
		t.pending = t.pending[1:]
	}
	return nil
}

func (t *turn) callTool(ctx context.Context, call wit.ToolCall) error {
	if ctx.Err() != nil {
		return wit.Errorf(wit.CodeTimeout, "stopped before tool %s was called: %w", call.Name, context.Cause(ctx))
	}
	args, ok := arguments(call.Args)
	shown := args
	if !ok {
		shown = valid(args)
	}
	t.voice.tool("start", map[string]any{"name": call.Name, "toolCallId": call.ID, "args": shown})
	began := time.Now()
	var res result
	switch {
	case t.run.Calling == call.ID:
		res = failure(unknownOutcome)
	case !ok:
		res = failure("The arguments are not a JSON object: write them again.")
	default:
		var err error
		if res, args, err = t.invoke(ctx, call, args); err != nil {
			return err
		}
	}
	res = t.persistable(ctx, call, res)
	if err := t.update(func(tx store.Tx) error {
		if _, err := session.Append(tx, t.run.Session, t.toolMessage(call, res)); err != nil {
			return err
		}
		if t.run.Calling == "" {
			return nil
		}
		_, err := session.Note(tx, t.run.ID, func(r *session.Run) { r.Calling = "" })
		return err
	}); err != nil {
		return err
	}
	t.run.Calling = ""
	t.voice.tool("result", map[string]any{"name": call.Name, "toolCallId": call.ID, "isError": res.failed,
		"result": map[string]any{"content": chatMessage(t.run.SessionID, t.toolMessage(call, res), 0).Content}})
	e := wit.AfterToolCall{Tool: call.Name, CallID: call.ID, Result: res.text(), Failed: res.failed, Duration: time.Since(began).Milliseconds()}
	if ok {
		e.Args = args
	}
	_, _ = hook.AfterToolCall.Fire(context.WithoutCancel(ctx), t.Hooks, t.hookContext(), e)
	return nil
}

func (t *turn) toolMessage(call wit.ToolCall, r result) session.Message {
	return session.Message{Role: wit.RoleTool, Run: t.run.ID, ToolCallID: call.ID, Tool: call.Name, Parts: r.parts, Failed: r.failed}
}

// invoke checks and makes one call. Its error means that the call was not made, or that the run was
// stopped during it; all that goes wrong with the tool itself is a result for the model.
func (t *turn) invoke(ctx context.Context, call wit.ToolCall, args wit.JSON) (result, wit.JSON, error) {
	tool, ok := t.Tools.Tool(call.Name)
	if !ok {
		return failure("There is no tool " + strconv.Quote(cut(call.Name, 80)) + ". These can be called: " + t.toolNames()), args, nil
	}
	e, err := hook.BeforeToolCall.Fire(ctx, t.Hooks, t.hookContext(), wit.BeforeToolCall{Tool: call.Name, CallID: call.ID, Args: args})
	args = e.Args
	if ctx.Err() != nil {
		return result{}, args, wit.Errorf(wit.CodeTimeout, "stopped before tool %s was called: %w", call.Name, context.Cause(ctx))
	}
	if err != nil {
		return failure("The call was not made: " + publicText(err)), args, nil
	}
	if !onlyReads(tool.Definition()) {
		if err := t.markCalling(call); err != nil {
			return result{}, args, err
		}
	}
	out, err := tool.Invoke(ctx, &wit.ToolInvocation{Name: call.Name, Args: args, Context: t.toolContext(call)})
	switch {
	case err != nil && ctx.Err() != nil:
		return result{}, args, wit.Errorf(wit.CodeTimeout, "stopped while tool %s was running: %w", call.Name, context.Cause(ctx))
	case err != nil:
		t.Log.Warn("a tool failed", "run", t.run.ID, "tool", call.Name, "error", err)
		return failure("The tool failed: " + publicText(err)), args, nil
	case out == nil:
		return failure("The tool gave no result."), args, nil
	}
	return result{parts: out.Content, failed: out.Failed}, args, nil
}

// onlyReads reports whether a call may be made again without harm.
func onlyReads(d wit.ToolDefinition) bool {
	return !slices.ContainsFunc(d.Effects, func(e wit.Effect) bool { return e != wit.EffectReads })
}

// markCalling records that a call that may change something begins.
func (t *turn) markCalling(call wit.ToolCall) error {
	if err := t.update(func(tx store.Tx) error {
		_, err := session.Note(tx, t.run.ID, func(r *session.Run) { r.Calling = call.ID })
		return err
	}); err != nil {
		return err
	}
	t.run.Calling = call.ID
	return nil
}

func (t *turn) toolNames() string {
	var names []string
	for _, d := range t.prompt.tools {
		names = append(names, d.Name)
	}
	if len(names) == 0 {
		return "none."
	}
	return strings.Join(names, ", ") + "."
}

func (t *turn) toolContext(call wit.ToolCall) wit.ToolContext {
	s := t.Settings()
	c := wit.ToolContext{
		Agent: t.run.Session.Agent(), Session: string(t.run.Session), Run: t.run.ID, CallID: call.ID,
		Now: time.Now().UnixMilli(), TimeZone: s.zone().String(),
	}
	if o := t.run.Origin; o.Channel != "" {
		c.Channel, c.Account = &o.Channel, &o.Account
		if o.Sender != nil {
			c.Sender = &o.Sender.ID
		}
	}
	return c
}

// persistable bounds a result and lets the hook tool_result_persist change its text.
func (t *turn) persistable(ctx context.Context, call wit.ToolCall, r result) result {
	r.parts = bound(r.parts)
	before := r.text()
	// A result that is there is recorded even if the run is being stopped, but not past a hook.
	e, err := hook.ToolResultPersist.Fire(context.WithoutCancel(ctx), t.Hooks, t.hookContext(), wit.ToolResultPersist{Tool: call.Name, CallID: call.ID, Result: before})
	switch {
	case err != nil:
		return failure("The result was withheld: " + publicText(err))
	case e.Result == before:
		return r
	}
	media := slices.DeleteFunc(r.parts, func(p wit.Part) bool { return p.Media == nil })
	r.parts = bound(append([]wit.Part{session.TextPart(e.Result)}, media...))
	return r
}

// bound cuts parts to maxToolResult bytes of text and 32 parts. JSON becomes text, and nothing at all
// becomes a word.
func bound(parts []wit.Part) []wit.Part {
	var out []wit.Part
	left := maxToolResult
	for _, p := range parts[:min(len(parts), 32)] {
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
		if left <= 0 {
			break
		}
	}
	if len(out) == 0 {
		return []wit.Part{session.TextPart("(no output)")}
	}
	return out
}

// publicText is what a coded error says to people and models; of others only that they happened.
func publicText(err error) string {
	e := wit.AsError(err)
	if e.Code == wit.CodeInternal {
		return "an internal error; the log has the details"
	}
	return e.Message
}

func itoa(n int) string { return strconv.Itoa(n) }
