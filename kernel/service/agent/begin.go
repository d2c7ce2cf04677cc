package agent

import (
	"context"
	"slices"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/hook"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// begin makes sure that the start and the user's message are recorded, and tells of it. It fails with CodeConflict if
// the run has ended meanwhile.
// Hooks and observers are told after the commit. So a crash in between loses their news and not the message.
func (l *loop) begin(ctx context.Context) error {
	var resumed bool
	var ended *session.Entry // whose history a reset has ended
	b := l.active.Begun
	if b == nil {
		var err error
		if b, resumed, ended, err = l.recordBegin(); err != nil {
			return err
		}
	}
	l.entry = b.Entry
	if ended == nil {
		ended = b.Ended
	}
	r := l.active.Run
	if !resumed {
		l.question = question(r, b.Said)
	}
	if l.question == "" {
		l.question = r.Text
	}
	l.report = l.observer.Begin(r, l.entry.Verbose == "on" || l.entry.Verbose == "full")
	l.calls.report = l.report
	if !resumed {
		l.report.Said(b.Said)
	}
	if ended != nil {
		l.SessionEnded(ctx, *ended, wit.SessionEndingReset)
	}
	// Observers cannot stop what has happened.
	if !resumed && l.entry.Runs == 1 {
		_, _ = hook.SessionStart.Fire(ctx, l.hooks, hookContext(r), wit.SessionStart{SessionID: l.entry.SessionID})
	}
	if !resumed && r.Origin.Channel != "" {
		_, _ = hook.MessageReceived.Fire(ctx, l.hooks, hookContext(r), received(r, l.question))
	}
	l.active.Began()
	return nil
}

// recordBegin records the start and the user's message, or finds what an earlier process recorded.
func (l *loop) recordBegin() (b *run.Beginning, resumed bool, ended *session.Entry, err error) {
	queued := l.active.Run // Begin changes it, and the store may call the function again
	b = new(run.Beginning)
	err = l.active.Update(func(tx store.Tx) (err error) {
		if ended, err = l.resetFor(tx, queued); err != nil {
			return err
		}
		if resumed, err = l.active.Begin(tx); err != nil {
			return err
		}
		if resumed {
			if err := l.resume(tx); err != nil {
				return err
			}
			b.Entry, err = session.Get(tx, l.active.Run.Session)
			return err
		}
		*b, err = ask(tx, l.active.Run, l.attached)
		return err
	})
	return b, resumed, ended, err
}

// Begin implements run.Executor.
func (s *Service) Begin(tx store.Tx, r run.Run) (b run.Beginning, err error) {
	ended, err := s.resetFor(tx, r)
	if err != nil {
		return b, err
	}
	if r, err = run.Start(tx, r); err != nil {
		return b, err
	}
	b, err = ask(tx, r, nil)
	b.Ended = ended
	return b, err
}

// ask adds what is asked to the history of a run that begins, after what its client says was said before.
func ask(tx store.Tx, r run.Run, files []wit.Part) (b run.Beginning, err error) {
	if b.Said, err = recall(tx, r); err != nil {
		return b, err
	}
	if r.Asks() {
		if b.Said, err = session.Append(tx, r.Session, asked(r, files)); err != nil {
			return b, err
		}
	}
	b.Entry, err = session.Get(tx, r.Session)
	return b, err
}

// recall adds to the history what the run's client says was said: before, where the session has no history yet, and
// since. It returns the last of that as it was appended.
func recall(tx store.Tx, r run.Run) (last session.Message, err error) {
	if r.Terms == nil {
		return last, nil
	}
	add := r.Terms.Since
	e, err := session.Get(tx, r.Session)
	if err != nil {
		return last, err
	}
	if e.Last == 0 {
		add = slices.Concat(r.Terms.Before, add)
	}
	for _, m := range add {
		if last, err = session.Append(tx, r.Session, m); err != nil {
			return last, err
		}
	}
	return last, nil
}

// resetFor gives a queued run that asks for it, or whose conversation has ended by itself, a new one, and returns the
// entry of the one that it ended, nil for none.
func (c common) resetFor(tx store.Tx, r run.Run) (ended *session.Entry, err error) {
	if r.State != run.Queued {
		return nil, nil
	}
	if resets := c.sessions.Settings().Resets; !startsFresh(r) {
		if !resets.Any() {
			return nil, nil
		}
		e, err := session.Get(tx, r.Session)
		if wit.CodeOf(err) == wit.CodeNotFound || err == nil && !resets.Stale(e, time.Now()) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
	}
	return resetSession(tx, r.Session)
}

// resetSession gives the session a new history, and returns the entry of the old one, nil where there was none.
// A session that does not exist yet is as good as new.
func resetSession(tx store.Tx, key session.Key) (ended *session.Entry, err error) {
	before, _, err := session.Reset(tx, key)
	if wit.CodeOf(err) == wit.CodeNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &before, nil
}

// question is what is asked in words: as it was typed or, with files, as the history has it, where they are transcribed or
// named.
func question(r run.Run, said session.Message) string {
	if len(r.Parts)+len(r.Attachments) == 0 {
		return r.Text
	}
	return said.Text()
}

// asked is what the user says, as the history has it, with what is attached.
// The command of a /new does not belong into it: the model answers what comes after.
func asked(r run.Run, attached []wit.Part) session.Message {
	text := r.Text
	if startsFresh(r) {
		_, text = splitCommand(r.Text)
	}
	m := session.Message{Role: wit.RoleUser, Run: r.ID, Quiet: r.Quiet > 0}
	if r.Origin.Channel != "" {
		m.Origin = &r.Origin
	}
	if text != "" {
		m.Parts = append(m.Parts, session.TextPart(text))
	}
	m.Parts = append(m.Parts, attached...)
	return m
}

// resume takes up what an earlier process recorded of the run.
// Calls without a result are pending, and the model is asked only when they have one.
func (l *loop) resume(tx store.Tx) error {
	mine, err := l.ownMessages(tx, l.active.Run)
	if err != nil {
		return err
	}
	if len(mine) > 0 {
		l.question = question(l.active.Run, mine[0])
	}
	l.calls.pending, l.said, l.rounds = progress(mine)
	for _, m := range mine {
		if m.Thinking != "" {
			l.thoughts = append(l.thoughts, m.Thinking)
		}
	}
	return nil
}

// progress reads a run's own messages: which calls have no result, what was said beside calls, and how often
// the model has asked for tools.
// Only the last request for tools can have calls that are open: the next is made once all have a result. Ids may
// come again in a later round, so the results are forgotten at each.
func progress(mine []session.Message) (pending []wit.ToolCall, said []string, rounds int) {
	var last []wit.ToolCall
	done := map[string]bool{}
	for _, m := range mine {
		switch {
		case m.Role == wit.RoleTool:
			done[m.ToolCallID] = true
		case len(m.ToolCalls) > 0:
			rounds++
			last = m.ToolCalls
			if text := m.Text(); text != "" {
				said = append(said, text)
			}
			clear(done)
		}
	}
	for _, c := range last {
		if !done[c.ID] {
			pending = append(pending, c)
		}
	}
	return pending, said, rounds
}

// ownMessages returns what a running run has appended so far.
// It looks back to the run's user message. Messages of others may stand in between, injected by clients.
func (c common) ownMessages(tx store.Tx, r run.Run) ([]session.Message, error) {
	var mine []session.Message
	first := false // the user's message was seen: nothing before it is the run's
	all, err := c.sessions.Newest(tx, r.SessionID, 0, maxWindow, func(m session.Message) bool {
		if first {
			return false
		}
		first = m.Run == r.ID && m.Role == wit.RoleUser
		return true
	})
	for _, m := range all {
		if m.Run == r.ID {
			mine = append(mine, m)
		}
	}
	return mine, err
}

// received is what the hook message_received is told.
func received(r run.Run, text string) wit.MessageReceived {
	o := r.Origin
	e := wit.MessageReceived{Channel: o.Channel, Account: o.Account, ID: o.MessageID, Text: text}
	if o.Sender != nil {
		e.Sender = o.Sender.ID
	}
	return e
}

// hookContext tells hooks for whom they are asked.
func hookContext(r run.Run) wit.HookContext {
	c := wit.HookContext{Agent: r.Session.Agent(), Session: string(r.Session), Run: r.ID}
	if o := r.Origin; o.Channel != "" {
		c.Channel, c.Account = &o.Channel, &o.Account
	}
	return c
}
