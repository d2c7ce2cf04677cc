package agent

import (
	"context"
	"errors"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/hook"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/hashicorp/go-hclog"
)

// end ends the run as its conversation did, unless it is to be left where it is.
// A run is left where it is if the store failed or the gateway stops: the next start takes it up. All else ends
// it, and ends it visibly.
func (l *loop) end(ctx context.Context, a answer, err error) error {
	stop := run.StoppedBy(ctx)
	switch {
	case err == nil:
		if err = l.finish(a); err != nil && !run.Unrecorded(err) {
			err = l.fail(err) // what cannot be kept cannot be an answer
		}
		return err
	case run.Unrecorded(err):
		return err
	case errors.As(err, &stop), stop != nil:
		return l.abort(stop.Reason)
	case ctx.Err() != nil:
		return err // the gateway stops; the run goes on at its next start
	}
	return l.fail(err)
}

// ending is what is recorded of a run's end.
type ending struct {
	state run.State
	// last is appended to the history, unless it is nil.
	last *session.Message
	// deliver is said to the conversation that waits for the answer.
	deliver string
	// answer, stop, fault and metered are what clients hear: see End.
	answer, stop string
	fault        *wit.Error
	metered      bool
	// calls are for the client to make, which the run has ended for.
	calls []wit.ToolCall
}

// finish ends the run with an answer, or with the calls that are its client's to make: the history has what the model said
// with them.
func (l *loop) finish(a answer) error {
	if theirs := l.calls.theirs; len(theirs) > 0 {
		return l.close(ending{state: run.Done, answer: a.text, calls: theirs, stop: string(wit.StopReasonToolCalls), metered: a.usage != nil})
	}
	m, heard := l.assistant(a), l.active.Run.Heard(a.text)
	m.Quiet = l.quiet(heard) && len(a.files) == 0
	return l.close(ending{state: run.Done, last: &m, deliver: heard, answer: a.text, stop: string(a.stop), metered: a.usage != nil})
}

// quiet reports whether the run leaves nothing behind of which the model should know later: nobody has asked, nobody hears
// the answer, and no tool was called. What a tool has done, the model would do again.
func (l *loop) quiet(heard string) bool {
	return l.active.Run.Quiet > 0 && l.rounds == 0 && heard == ""
}

// abort ends the run because somebody, or the clock, stopped it. What was said so far stays.
func (l *loop) abort(reason string) error {
	e := ending{state: run.Aborted, last: l.broken("aborted", ""), answer: l.written, stop: reason}
	if reason == run.TimedOut {
		e.deliver = "Sorry, that took too long, so I stopped."
	}
	return l.close(e)
}

// fail ends the run with an error, which clients see and the conversation hears of.
func (l *loop) fail(cause error) error {
	l.log.Error("run failed", "run", l.active.Run.ID, "session", l.active.Run.Session, "provider", l.model.provider, "error", cause)
	e := publicError(cause)
	return l.close(ending{state: run.Failed, last: l.broken("error", e.Message), deliver: apology(e), stop: "error", fault: e})
}

// broken is the message that was being written when the run broke off, nil if there is nothing to keep.
// It is kept because people have read it while it was written, and will refer to it.
func (l *loop) broken(stop, reason string) *session.Message {
	if l.written == "" && len(l.drawn) == 0 && reason == "" {
		return nil
	}
	m := l.assistant(answer{text: l.written, files: l.drawn})
	m.Stop, m.Error, m.Quiet = stop, reason, l.quiet("") && len(l.drawn) == 0
	return &m
}

// close records the end, and what is to be delivered, in one transaction, and then announces them: to those
// who watch, to those who wait, and to the hooks.
// The order matters after a crash: what was recorded is delivered all the same, and what was announced is also
// recorded.
func (l *loop) close(e ending) error {
	var ended run.Run
	if err := l.active.Update(func(tx store.Tx) (err error) {
		var files []wit.Attachment
		if ended, files, err = l.record(tx, &e); err != nil {
			return err
		}
		return l.out.enqueue(tx, ended, l.delivered(e), files, e.state == run.Done && !showsReasoning(l.entry))
	}); err != nil {
		return err
	}
	l.active.Run = ended
	if ended.Reply != nil {
		l.out.to.Wake()
	}
	// Clients see the end before those who wait go on, and hooks hold up neither.
	l.report.Ended(End{Run: ended, Metered: e.metered, Last: e.last})
	l.active.Ended()
	done := wit.AgentEnd{Text: ended.Answer, Duration: time.Since(l.began).Milliseconds()}
	if err := ended.Failure(); err != nil {
		done.Error = wit.AsError(err)
	}
	_, _ = hook.AgentEnd.Fire(context.Background(), l.hooks, hookContext(ended), done)
	return nil
}

// delivered is what the conversation that waits for the answer is told.
func (l *loop) delivered(e ending) string {
	if e.state == run.Done && showsReasoning(l.entry) {
		return withReasoning(l.thoughts, e.deliver)
	}
	return e.deliver
}

// record appends what is still to be said, which e.last is then, and ends the run. It returns the files that the model and its
// tools have made, if it was answered.
// All calls get a result, or providers would refuse the history from then on.
func (l *loop) record(tx store.Tx, e *ending) (ended run.Run, files []wit.Attachment, err error) {
	r := l.active.Run
	var mine []session.Message
	if l.rounds > 0 { // else there is only what the user said
		if mine, err = l.ownMessages(tx, r); err != nil {
			return r, nil, err
		}
	}
	if err := l.calls.abandon(tx); err != nil {
		return r, nil, err
	}
	if e.last != nil {
		appended, err := session.Append(tx, r.Session, *e.last)
		if err != nil {
			return r, nil, err
		}
		e.last = &appended
		if err := l.count(tx, answer{usage: appended.Usage}); err != nil {
			return r, nil, err
		}
		mine = append(mine, appended)
	}
	if e.state == run.Done {
		files = produced(mine)
	}
	ended, err = run.Finish(tx, r.ID, e.state, func(r *run.Run) {
		r.Answer, r.Stop, r.Error, r.Calls = e.answer, e.stop, e.fault, e.calls
		r.Provider, r.Used, r.Replaced = l.model.provider, l.model.model, l.replaced(*r)
		r.Usage = wit.Usage{}
		for _, m := range mine {
			if m.Usage != nil {
				r.Usage = session.Sum(r.Usage, *m.Usage)
			}
		}
	})
	return ended, files, err
}

// outgoing hands answers to delivery.
type outgoing struct {
	to  message.Outbox
	log hclog.Logger
}

// AnswerID is the id of the message that answers a run. It has a prefix, so that the key of a client's run is not taken for another
// message.
func AnswerID(run string) string { return "answer:" + run }

// enqueue gives text and files to the conversation that waits for the run's answer, if one does. Its errors are the
// store's: what can never be delivered must not keep the run from its end.
func (o outgoing) enqueue(tx store.Tx, r run.Run, text string, files []wit.Attachment, mayBeSpoken bool) (err error) {
	if r.Reply == nil || r.Reply.Conversation == nil || text == "" && len(files) == 0 {
		return nil
	}
	var spoken message.Speech
	if mayBeSpoken {
		if spoken, err = speech(tx, r); err != nil {
			return err
		}
	}
	out := message.Outbound{
		ID: AnswerID(r.ID), Channel: r.Reply.Channel, Account: r.Reply.Account, To: *r.Reply.Conversation, Text: text, Attachments: files,
		Agent: r.Session.Agent(), SessionKey: string(r.Session), RunID: r.ID, Speech: spoken,
	}
	if isGroup(&out.To) {
		out.ReplyTo = r.Reply.MessageID // among several people it has to be clear who is answered
	}
	if err = o.to.Enqueue(tx, out); err == nil || store.Failed(err) {
		return err
	}
	o.log.Error("answer not deliverable", "run", r.ID, "channel", out.Channel, "error", err)
	return nil
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
