package agent

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/hook"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/hashicorp/go-hclog"
)

const unknownOutcome = "The call was interrupted and its outcome is unknown: it may have happened. " +
	"Do not repeat it blindly; check first, or ask."

// toolCalls makes the calls that the model of one run asks for, one after the other, and records each result.
type toolCalls struct {
	active   *run.Active
	tools    Tools
	hooks    *hook.Hooks
	zone     string // the owner's time zone
	approver Approver
	log      hclog.Logger
	report   Reporter // set when the run has begun

	pending []wit.ToolCall // asked for and without a recorded result
	theirs  []wit.ToolCall // asked for, and for the run's client to make
}

// makeAll makes the calls that have no result yet, but for those of the client's own tools.
// One that is recorded is taken off, so a run that ends in the middle has told which ones are left.
func (c *toolCalls) makeAll(ctx context.Context) error {
	for len(c.pending) > 0 {
		if call := c.pending[0]; c.active.Run.Terms.Function(call.Name) {
			c.theirs = append(c.theirs, call)
		} else if err := c.make(ctx, call); err != nil {
			return err
		}
		c.pending = c.pending[1:]
	}
	return nil
}

// make makes one call. Its error is as invoke's, or that the result could not be recorded.
// A call that an earlier process began is not made again: it may have sent a mail.
func (c *toolCalls) make(ctx context.Context, call wit.ToolCall) error {
	if ctx.Err() != nil {
		return wit.Errorf(wit.CodeTimeout, "stopped before tool %s was called: %w", call.Name, context.Cause(ctx))
	}
	args, ok := arguments(call.Args)
	shown := call
	if shown.Args = args; !ok {
		shown.Args = valid(args)
	}
	c.report.Calling(shown)
	began := time.Now()
	var res result
	switch {
	case c.active.Run.Calling == call.ID: // an earlier process has begun it
		res = failure(unknownOutcome)
	case !ok:
		res = failure("The arguments are not a JSON object: write them again.")
	default:
		var err error
		if res, args, err = c.invoke(ctx, call, args); err != nil {
			return err
		}
	}
	res = c.persistable(ctx, call, res)
	said, err := c.record(call, res)
	if err != nil {
		return err
	}
	c.report.Called(said)
	e := wit.AfterToolCall{Tool: call.Name, CallID: call.ID, Result: res.text(), Failed: res.failed, Duration: time.Since(began).Milliseconds()}
	if ok {
		e.Args = args
	}
	_, _ = hook.AfterToolCall.Fire(context.WithoutCancel(ctx), c.hooks, hookContext(c.active.Run), e)
	return nil
}

// record appends the result and returns it as it was appended; the call is not an open one any more.
func (c *toolCalls) record(call wit.ToolCall, res result) (said session.Message, err error) {
	r := &c.active.Run
	if err := c.active.Update(func(tx store.Tx) (err error) {
		if said, err = session.Append(tx, r.Session, c.message(call, res)); err != nil || r.Calling == "" {
			return err
		}
		_, err = run.Note(tx, r.ID, func(r *run.Run) { r.Calling = "" })
		return err
	}); err != nil {
		return said, err
	}
	r.Calling = ""
	return said, nil
}

// message is a result as the history has it.
func (c *toolCalls) message(call wit.ToolCall, r result) session.Message {
	return session.Message{Role: wit.RoleTool, Run: c.active.Run.ID, ToolCallID: call.ID, Tool: call.Name, Parts: r.parts, Failed: r.failed}
}

// invoke checks and makes one call. Its error means that the call was not made, or that the run was
// stopped during it; all that goes wrong with the tool itself is a result for the model.
func (c *toolCalls) invoke(ctx context.Context, call wit.ToolCall, args wit.JSON) (result, wit.JSON, error) {
	tool, ok := c.tools.Tool(call.Name)
	if !ok {
		return failure("There is no tool " + strconv.Quote(message.Clip(call.Name, 80)) + ". These can be called: " + c.names()), args, nil
	}
	e, err := hook.BeforeToolCall.Fire(ctx, c.hooks, hookContext(c.active.Run), wit.BeforeToolCall{Tool: call.Name, CallID: call.ID, Args: args})
	args = e.Args
	if ctx.Err() != nil {
		return result{}, args, wit.Errorf(wit.CodeTimeout, "stopped before tool %s was called: %w", call.Name, context.Cause(ctx))
	}
	if err != nil {
		return failure("The call was not made: " + publicText(err)), args, nil
	}
	refused, err := c.approver.Approve(ctx, c.active.Run, call, tool.Definition(), args,
		func(text string) { c.progress(ctx, call, text) })
	switch {
	case ctx.Err() != nil:
		return result{}, args, wit.Errorf(wit.CodeTimeout, "stopped before tool %s was called: %w", call.Name, context.Cause(ctx))
	case err != nil:
		return failure("The call was not made: " + publicText(err)), args, nil
	case refused != "":
		return failure("The call was not made: " + refused + "."), args, nil
	}
	// Recorded before the call: after a crash in between it must not be made again.
	if !onlyReads(tool.Definition()) {
		if err := c.mark(call); err != nil {
			return result{}, args, err
		}
	}
	out, err := tool.Invoke(ctx, &wit.ToolInvocation{Name: call.Name, Args: args, Context: c.context(call)},
		func(ctx context.Context, text string) { c.progress(ctx, call, text) })
	switch {
	case err != nil && ctx.Err() != nil:
		return result{}, args, wit.Errorf(wit.CodeTimeout, "stopped while tool %s was running: %w", call.Name, context.Cause(ctx))
	case err != nil:
		c.log.Warn("tool failed", "run", c.active.Run.ID, "tool", call.Name, "error", err)
		return failure("The tool failed: " + publicText(err)), args, nil
	case out == nil:
		return failure("The tool gave no result."), args, nil
	}
	return result{parts: out.Content, failed: out.Failed}, args, nil
}

// progress shows how far a call is, as its result would be shown: in the words that the hook tool_result_persist leaves,
// or not at all. The hook's plugin is not stopped when the call ends meanwhile, which would cost it its instance.
func (c *toolCalls) progress(ctx context.Context, call wit.ToolCall, text string) {
	e, err := hook.ToolResultPersist.Fire(context.WithoutCancel(ctx), c.hooks, hookContext(c.active.Run), wit.ToolResultPersist{Tool: call.Name, CallID: call.ID, Result: text})
	if err == nil && ctx.Err() == nil {
		c.report.Progress(call, message.Clip(e.Result, wit.ProgressReportTextCut))
	}
}

// onlyReads reports whether a call may be made again without harm.
func onlyReads(d wit.ToolDefinition) bool {
	return !slices.ContainsFunc(d.Effects, func(e wit.Effect) bool { return e != wit.EffectReads })
}

// mark records that a call that may change something begins.
// The mark is in the run and is committed before the tool hears of the call, which costs a commit. Tools that only
// read do without.
func (c *toolCalls) mark(call wit.ToolCall) error {
	if err := c.active.Update(func(tx store.Tx) error {
		_, err := run.Note(tx, c.active.Run.ID, func(r *run.Run) { r.Calling = call.ID })
		return err
	}); err != nil {
		return err
	}
	c.active.Run.Calling = call.ID
	return nil
}

// abandon gives each call without a result one, in the run's last transaction, so that the history stays
// readable for models.
// The model of a later run reads whether a call did not happen or may have.
func (c *toolCalls) abandon(tx store.Tx) error {
	r := c.active.Run
	for _, call := range c.pending {
		text := "The call was not made: the run was stopped before."
		if r.Calling == call.ID {
			text = unknownOutcome
		}
		if _, err := session.Append(tx, r.Session, c.message(call, failure(text))); err != nil {
			return err
		}
	}
	return nil
}

// names lists what can be called.
func (c *toolCalls) names() string {
	var names []string
	for _, d := range c.tools.Tools() {
		names = append(names, d.Name)
	}
	if len(names) == 0 {
		return "none."
	}
	return strings.Join(names, ", ") + "."
}

func (c *toolCalls) context(call wit.ToolCall) wit.ToolContext {
	r := c.active.Run
	out := wit.ToolContext{
		Agent: r.Session.Agent(), Session: string(r.Session), Run: r.ID, CallID: call.ID,
		Now: time.Now().UnixMilli(), TimeZone: c.zone,
	}
	if o := r.Origin; o.Channel != "" {
		out.Channel, out.Account = &o.Channel, &o.Account
		if o.Sender != nil {
			out.Sender = &o.Sender.ID
		}
	}
	return out
}
