package turn

import (
	"context"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/hook"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// finish records the answer, the run's end and what is to be delivered in one transaction, and then
// announces them.
func (t *turn) finish(a answer) error {
	m := t.assistant(a)
	err := t.close(session.RunDone, &m, a.text, func(r *session.Run) {
		r.Answer, r.Stop = a.text, string(a.stop)
	})
	if err != nil {
		return err
	}
	t.voice.end("end", t.times(), func(e *ChatEvent) {
		e.State, e.Message, e.StopReason = "final", assistantMessage(a.text), stopReason(string(a.stop))
		if a.usage != nil {
			e.Usage = usage(t.run.Usage)
		}
	})
	t.over(nil)
	return nil
}

// abort ends the run because somebody, or the clock, stopped it. What was said so far stays.
func (t *turn) abort(reason string) error {
	partial := t.voice.partial()
	delivered := ""
	if reason == "timeout" {
		delivered = "Sorry, that took too long, so I stopped."
	}
	err := t.close(session.RunAborted, t.partial("aborted", ""), delivered, func(r *session.Run) {
		r.Answer, r.Stop = partial, reason
	})
	if err != nil {
		return err
	}
	data := t.times()
	data["aborted"], data["stopReason"] = true, reason
	t.voice.end("end", data, func(e *ChatEvent) {
		e.State, e.StopReason = "aborted", reason
		if partial != "" {
			e.Message = assistantMessage(partial)
		}
	})
	t.over(wit.Errorf(wit.CodeTimeout, "the run was stopped: %s", reason))
	return nil
}

// fail ends the run with an error, which clients see and the conversation hears of.
func (t *turn) fail(cause error) error {
	e := *wit.AsError(cause)
	e.Message = publicText(cause)
	t.Log.Error("a run failed", "run", t.run.ID, "session", t.run.Session, "provider", t.model.provider, "error", cause)
	err := t.close(session.RunFailed, t.partial("error", e.Message), apology(&e), func(r *session.Run) {
		r.Error, r.Stop = &e, "error"
	})
	if err != nil {
		return err
	}
	data := t.times()
	data["error"] = e.Message
	t.voice.end("error", data, func(ev *ChatEvent) {
		ev.State, ev.ErrorMessage, ev.ErrorKind, ev.StopReason = "error", e.Message, errorKind(&e), "error"
		if t.model.provider != "" {
			ev.ErrorDetail = &ErrorDetail{Provider: t.model.provider, Model: t.model.model}
		}
	})
	t.over(&e)
	return nil
}

// close is the run's last transaction.
func (t *turn) close(state session.RunState, last *session.Message, say string, outcome func(*session.Run)) error {
	err := t.update(func(tx store.Tx) error {
		mine, err := ownMessages(tx, t.run)
		if err != nil {
			return err
		}
		if err := t.closeCalls(tx, mine); err != nil {
			return err
		}
		if last != nil {
			appended, err := session.Append(tx, t.run.Session, *last)
			if err != nil {
				return err
			}
			mine = append(mine, appended)
		}
		r, err := session.Finish(tx, t.run.ID, state, func(r *session.Run) {
			outcome(r)
			r.Provider, r.Used = t.model.provider, t.model.model
			r.Usage = wit.Usage{}
			for _, m := range mine {
				if m.Usage != nil {
					r.Usage = session.Sum(r.Usage, *m.Usage)
				}
			}
		})
		if err != nil {
			return err
		}
		t.run = r
		return t.deliver(tx, r, say)
	})
	if err == nil && say != "" && t.run.Reply != nil {
		t.Outbox.Wake()
	}
	return err
}

// closeCalls gives each tool call without a result one, so that the history stays readable for models.
func (t *turn) closeCalls(tx store.Tx, mine []session.Message) error {
	open := t.pending
	if len(open) == 0 {
		return nil
	}
	done := map[string]bool{}
	for i := len(mine) - 1; i >= 0 && mine[i].Role == wit.RoleTool; i-- {
		done[mine[i].ToolCallID] = true
	}
	for _, c := range open {
		if done[c.ID] {
			continue
		}
		text := "The call was not made: the run was stopped before."
		if t.run.Calling == c.ID {
			text = unknownOutcome
		}
		if _, err := session.Append(tx, t.run.Session, t.toolMessage(c, failure(text))); err != nil {
			return err
		}
	}
	return nil
}

// deliver enqueues text for the conversation that waits for the run's answer, if one does.
func (s *Service) deliver(tx store.Tx, r session.Run, text string) error {
	if r.Reply == nil || r.Reply.Conversation == nil || text == "" {
		return nil
	}
	out := message.Outbound{
		ID: r.ID, Channel: r.Reply.Channel, Account: r.Reply.Account, To: *r.Reply.Conversation, Text: text,
		Agent: r.Session.Agent(), SessionKey: string(r.Session), RunID: r.ID,
	}
	if k := out.To.Kind; k == wit.ConversationKindGroup || k == wit.ConversationKindChannel {
		out.ReplyTo = r.Reply.MessageID // among several people it has to be clear who is answered
	}
	err := s.Outbox.Enqueue(tx, out)
	switch wit.CodeOf(err) {
	case wit.CodeUnavailable, wit.CodeTimeout, wit.CodeInternal:
		return err
	case "":
		return nil
	}
	// What can never be delivered must not keep the run from its end.
	s.Log.Error("an answer cannot be delivered", "run", r.ID, "channel", out.Channel, "error", err)
	return nil
}

// partial is the message that was being written when the run broke off, nil if there is nothing to keep.
func (t *turn) partial(stop, reason string) *session.Message {
	text := t.voice.partial()
	if text == "" && reason == "" {
		return nil
	}
	m := t.assistant(answer{text: text})
	m.Stop, m.Error = stop, reason
	return &m
}

func (t *turn) times() map[string]any {
	return map[string]any{"startedAt": t.run.Started, "endedAt": t.run.Ended}
}

// over tells those who wait, and those who watch, that the run has ended.
func (t *turn) over(failed error) {
	t.release(t.run.ID)
	t.Sessions.Changed(t.run.Session, "run")
	e := wit.AgentEnd{Text: t.run.Answer, Duration: time.Since(t.began).Milliseconds()}
	if failed != nil {
		e.Error = wit.AsError(failed)
	}
	_, _ = hook.AgentEnd.Fire(context.Background(), t.Hooks, t.hookContext(), e)
}

// errorKind is protocol 4's word for an error.
func errorKind(e *wit.Error) string {
	switch e.Code {
	case wit.CodeForbidden:
		return "refusal"
	case wit.CodeTimeout:
		return "timeout"
	case wit.CodeRateLimited:
		return "rate_limit"
	case wit.CodeTooLarge:
		return "context_length"
	}
	return "unknown"
}

// apology is what a conversation is told about an error. People there are not always the owner, so it
// says no more than they need.
func apology(e *wit.Error) string {
	switch e.Code {
	case wit.CodeForbidden:
		return "Sorry, I cannot answer that."
	case wit.CodeRateLimited:
		return "Sorry, I am being asked too much at the moment. Please try again in a while."
	case wit.CodeTooLarge:
		return "Sorry, this conversation has become too long for me. Start a new one with /new."
	}
	return "Sorry, something went wrong and I could not answer. Please try again."
}
