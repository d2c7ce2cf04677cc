package turn

import (
	"context"
	"errors"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/hook"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// stopped is why a run's context ends before the run has: somebody, or the clock, stopped it.
type stopped struct{ reason string }

func (s *stopped) Error() string { return "stopped: " + s.reason }

// errHeld is why a run does not begin: its session is being reset or deleted.
var errHeld = errors.New("the session is held")

// unrecorded is a failure of the store: the run stays where it is and is tried again.
type unrecorded struct{ error }

func (u unrecorded) Unwrap() error { return u.error }

// turn is one run while it is answered.
type turn struct {
	*Service
	run     session.Run
	entry   session.Entry
	voice   *voice
	model   chosen
	prompt  prompt
	pending []wit.ToolCall // asked for and without a recorded result
	rounds  int            // requests for tools so far
	said    []string       // texts beside them
	tools   int            // tool calls made in this process
	began   time.Time
}

// execute takes a run from where it stands to its end, unless ctx or the store ends first. It returns
// how long to rest before the next try.
func (s *Service) execute(ctx context.Context, id string) (rest time.Duration) {
	runCtx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s.mu.Lock()
	s.active[id] = cancel
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.active, id)
		s.mu.Unlock()
	}()
	err := s.attempt(runCtx, id)
	if ctx.Err() != nil || errors.Is(err, errHeld) {
		return 0
	}
	if err == nil {
		var r session.Run
		if r, err = s.run(ctx, id); err == nil && !r.State.Live() {
			return 0
		}
	}
	s.Log.Error("a run could not be brought to its end; it is tried again", "run", id, "error", err)
	return storeBackOff
}

// attempt is execute without its bookkeeping. Its error is unrecorded, errHeld, or nil.
func (s *Service) attempt(ctx context.Context, id string) error {
	r, err := s.run(context.WithoutCancel(ctx), id)
	if err != nil || !r.State.Live() {
		return s.storeError(err)
	}
	if r.State == session.RunQueued && r.Command != "" && !isFreshStart(r) {
		return s.command(ctx, r)
	}
	t := &turn{Service: s, run: r, began: time.Now()}
	if err := t.begin(ctx); err != nil || !t.run.State.Live() {
		return err
	}
	defer t.voice.mute()
	if t.run.Stopping != "" {
		return t.storeError(t.abort(t.run.Stopping))
	}
	if t.run.Resumed > maxResumed {
		return t.storeError(t.fail(wit.Errorf(wit.CodeUnavailable, "the run was interrupted %d times and is given up", maxResumed)))
	}
	timeout := defaultTimeout
	if d := s.Settings().Timeout; d > 0 {
		timeout = d
	}
	if t.run.Timeout > 0 {
		timeout = time.Duration(t.run.Timeout) * time.Millisecond
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, &stopped{"timeout"})
	defer cancel()
	defer s.typing(ctx, t.run)()
	answer, err := t.converse(ctx)
	return t.settle(ctx, answer, err)
}

// settle ends the run as its conversation did.
func (t *turn) settle(ctx context.Context, a answer, err error) error {
	var stop *stopped
	switch {
	case err == nil:
		if err = t.finish(a); err != nil && !errors.As(err, new(unrecorded)) {
			err = t.fail(err) // what cannot be kept cannot be an answer
		}
	case errors.As(err, new(unrecorded)):
	case errors.As(context.Cause(ctx), &stop):
		err = t.abort(stop.reason)
	case ctx.Err() != nil:
		return nil // the gateway stops; the run goes on at its next start
	default:
		err = t.fail(err)
	}
	return t.storeError(err)
}

// storeError tells failures of the store, which pass, from states that the run has left for good: it
// was ended or its session deleted by somebody else.
func (s *Service) storeError(err error) error {
	switch wit.CodeOf(err) {
	case "", wit.CodeNotFound, wit.CodeConflict:
		return nil
	}
	if errors.Is(err, errHeld) {
		return err
	}
	return unrecorded{err}
}

// update records a step. It is not disturbed by the run's end. An error is unrecorded if the store
// failed, else fn's own.
func (s *Service) update(fn func(store.Tx) error) error {
	err := s.Store.Update(context.Background(), fn)
	switch wit.CodeOf(err) {
	case wit.CodeUnavailable, wit.CodeTimeout, wit.CodeInternal:
		if !errors.Is(err, errHeld) {
			return unrecorded{err}
		}
	}
	return err
}

// begin records the start and the user's message, or finds what an earlier process recorded.
func (t *turn) begin(ctx context.Context) error {
	var fresh, reset bool
	err := t.update(func(tx store.Tx) (err error) {
		fresh, reset = false, false
		if t.run, err = session.FindRun(tx, t.run.ID); err != nil || !t.run.State.Live() {
			return err
		}
		if t.run.State == session.RunQueued {
			if fresh, reset, err = t.start(tx); err != nil {
				return err
			}
		} else if err := t.resume(tx); err != nil {
			return err
		}
		t.entry, err = session.Get(tx, t.run.Session)
		return err
	})
	if err != nil || !t.run.State.Live() {
		return t.storeError(err)
	}
	t.voice = t.newVoice()
	t.voice.lifecycle("start", map[string]any{"startedAt": t.run.Started})
	c := t.hookContext()
	if reset {
		t.Ended(ctx, t.run.Session)
	}
	// Observers cannot stop what has happened.
	if fresh && t.entry.Runs == 1 {
		_, _ = hook.SessionStart.Fire(ctx, t.Hooks, c, hook.None{})
	}
	if fresh && t.run.Origin.Channel != "" {
		t.received(ctx, c)
	}
	t.Sessions.Changed(t.run.Session, "run")
	return nil
}

func (s *Service) newVoiceFor(r session.Run, verbose bool) *voice {
	return &voice{bus: s.Bus, watchers: s.Watchers, run: r.ID, key: r.Session, verbose: verbose}
}

func (t *turn) newVoice() *voice {
	return t.newVoiceFor(t.run, t.entry.Verbose == "on" || t.entry.Verbose == "full")
}

// start makes a queued run the running one and appends what the user says.
func (t *turn) start(tx store.Tx) (fresh, reset bool, err error) {
	if t.holding(t.run.Session) {
		return false, false, errHeld
	}
	if isFreshStart(t.run) {
		_, _, err := session.Reset(tx, t.run.Session)
		if err != nil && wit.CodeOf(err) != wit.CodeNotFound {
			return false, false, err
		}
		reset = err == nil
	}
	run, err := session.Start(tx, t.run.ID)
	if err != nil {
		return false, false, err
	}
	t.run = run
	said := run.Text
	if isFreshStart(run) {
		_, said = splitCommand(run.Text)
	}
	m := session.Message{Role: wit.RoleUser, Run: run.ID}
	if run.Origin.Channel != "" {
		m.Origin = &run.Origin
	}
	if said != "" {
		m.Parts = append(m.Parts, session.TextPart(said))
	}
	m.Parts = append(m.Parts, run.Parts...)
	_, err = session.Append(tx, run.Session, m)
	return true, reset, err
}

// resume finds the calls that an earlier process left without a result.
func (t *turn) resume(tx store.Tx) error {
	run, err := session.Note(tx, t.run.ID, func(r *session.Run) { r.Resumed++ })
	if err != nil {
		return err
	}
	t.run = run
	mine, err := ownMessages(tx, t.run)
	if err != nil {
		return err
	}
	t.pending, t.said, t.rounds = nil, nil, 0
	done := map[string]bool{}
	for _, m := range mine {
		switch {
		case m.Role == wit.RoleTool:
			done[m.ToolCallID] = true
		case m.Role == wit.RoleAssistant && len(m.ToolCalls) > 0:
			t.rounds++
			t.pending = m.ToolCalls
			if text := m.Text(); text != "" {
				t.said = append(t.said, text)
			}
			clear(done)
		}
	}
	var left []wit.ToolCall
	for _, c := range t.pending {
		if !done[c.ID] {
			left = append(left, c)
		}
	}
	t.pending = left
	return nil
}

// ownMessages returns what a running run has appended so far.
func ownMessages(tx store.Tx, r session.Run) ([]session.Message, error) {
	var mine []session.Message
	first := false
	all, err := session.Newest(tx, r.SessionID, 0, maxWindow, func(m session.Message) bool {
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

func (t *turn) received(ctx context.Context, c wit.HookContext) {
	o := t.run.Origin
	e := wit.MessageReceived{Channel: o.Channel, Account: o.Account, ID: o.MessageID, Text: t.run.Text}
	if o.Sender != nil {
		e.Sender = o.Sender.ID
	}
	_, _ = hook.MessageReceived.Fire(ctx, t.Hooks, c, e)
}

func (t *turn) hookContext() wit.HookContext {
	c := wit.HookContext{Agent: t.run.Session.Agent(), Session: string(t.run.Session), Run: t.run.ID}
	if o := t.run.Origin; o.Channel != "" {
		c.Channel, c.Account = &o.Channel, &o.Account
	}
	return c
}

// typing shows in the conversation that an answer is on its way, until the returned function is called.
func (s *Service) typing(ctx context.Context, r session.Run) (stop func()) {
	if s.Typing == nil || r.Reply == nil || r.Reply.Conversation == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	s.wg.Go(func() {
		for ctx.Err() == nil {
			if err := s.Typing.Typing(ctx, r.Reply.Channel, r.Reply.Account, *r.Reply.Conversation); err != nil && ctx.Err() == nil {
				s.Log.Debug("typing could not be shown", "channel", r.Reply.Channel, "error", err)
			}
			pause(ctx, typingInterval)
		}
	})
	return cancel
}

// Ended fires the hook session_end for a history that a reset or a deletion has ended.
func (s *Service) Ended(ctx context.Context, key session.Key) {
	_, _ = hook.SessionEnd.Fire(ctx, s.Hooks, wit.HookContext{Agent: key.Agent(), Session: string(key)}, hook.None{})
}
