package run

import (
	"cmp"
	"context"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/retry"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Request is a run that somebody wants.
type Request struct {
	Run Run
	// To is where the answer is delivered.
	To session.Destination
	// SessionID is what a new session is called if that is free.
	SessionID string
	// Expected is the history that the session must have, "" any.
	Expected string
}

// Submit queues a run of a client, in a session that is made if there is none. Errors: CodeInvalid for an id of the
// gateway's own, and for a channel that has no account; CodeConflict for a session that has another history than is
// expected; as Enqueue's and session.Destination's; the store's.
func (s *Service) Submit(ctx context.Context, q Request) (Receipt, error) {
	if id := q.Run.ID; len(id) > maxKey || reserved(id) {
		return Receipt{}, wit.Errorf(wit.CodeInvalid, "%.40q cannot be a run's id: use 1 to %d bytes that do not begin with %s, %s, %s, %s, %s or %s", id, maxKey, FromChannel, FromCron, FromHeartbeat, FromWake, FromPlugin, FromHook)
	}
	var err error
	if q.To, err = s.reachable(q.To); err != nil {
		return Receipt{}, err
	}
	return s.submit(ctx, q)
}

// submit queues a run of anybody, whose destination is reachable. One that nothing stands before begins in the same
// transaction, which saves one.
// After a crash such a run is one that was interrupted, and is counted as that, so it may begin before it is executed.
func (s *Service) submit(ctx context.Context, q Request) (Receipt, error) {
	key, asker := q.Run.Session, q.Run.Asker
	placed := s.canBegin(q.Run) && s.turns.Try(asker)
	out, b, err := s.enqueue(ctx, q, placed)
	if placed && b == nil {
		s.turns.Give(asker)
	}
	if err != nil || out.Existed {
		return out, err
	}
	if b == nil { // else it is told of when it is executed
		s.waits(out.Run.ID)
		s.sessions.Changed(key, "run")
	}
	s.handover.commit(b)
	if out.Run.Urgent {
		s.begin(work{key, out.Run.ID})
	} else {
		s.begin(work{key: key})
	}
	return out, nil
}

// canBegin reports whether a run needs nothing but a place to begin: no files have to be got ready for it.
func (s *Service) canBegin(r Run) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ctx != nil && !r.Urgent && r.Command == "" && len(r.Parts)+len(r.Attachments) == 0
}

// enqueue is the transaction of submit. If the run has a place, and nothing stands before it, it begins, and b is what
// is handed over, with the place.
func (s *Service) enqueue(ctx context.Context, q Request, placed bool) (out Receipt, b *begun, err error) {
	key := q.Run.Session
	err = s.store.Update(ctx, func(tx store.Tx) error {
		s.handover.withdraw(key, b) // of an earlier call of the function
		b = nil
		r := q.Run
		e, err := session.EnsureAs(tx, key, message.Origin{}, q.SessionID)
		if err != nil {
			return err
		}
		if r.Reply, err = q.To.Resolve(tx, e); err != nil {
			return err
		}
		if out, err = Enqueue(tx, r); err != nil || out.Existed {
			return err
		}
		if q.Expected != "" && q.Expected != e.SessionID {
			return wit.Errorf(wit.CodeConflict, "session %s is not %.40q any more: read it again", key, q.Expected)
		}
		if !placed || out.Ahead > 0 || s.holds.holding(key) {
			return nil
		}
		beginning, err := s.executor.Begin(tx, out.Run)
		if err != nil {
			return err
		}
		b = &begun{Beginning: beginning, run: r.ID, asker: r.Asker}
		s.leave(s.handover.put(key, b))
		return nil
	})
	if err != nil && s.handover.withdraw(key, b) {
		b = nil
	}
	return out, b, err
}

// leave gives back the place of a run that is not executed here; nil is none.
func (s *Service) leave(b *begun) {
	if b != nil {
		s.turns.Give(b.asker)
	}
}

// askerJobs is the asker of what the gateway itself asks for.
const askerJobs = "jobs"

// Job is a run that the gateway itself asks for, such as a scheduled one.
type Job struct {
	// ID is the run's, of a Source: the same twice is one run.
	ID string
	// Agent answers, in Session as clients write it, such as cron:backup.
	Agent, Session  string
	Message         string
	Model, Thinking string
	// System is added to what the model is told of itself.
	System string
	// Tools are those that it may use, nil all.
	Tools []string
	// Timeout is zero for the usual one.
	Timeout time.Duration
	// Quiet is the run's.
	Quiet int
	// Deliver says that the answer goes to a channel: to To there, or, unless both are named, to where the
	// agent's main session was last spoken to.
	Deliver                      bool
	Channel, To, Account, Thread string
	// Of is the session whose last conversation is meant, "" the agent's main one.
	Of session.Key
	// Asker takes turns with others, "" with other jobs. Parent is the run in which the job was asked for, and Depth how
	// many such are above it.
	Asker, Parent string
	Depth         int
}

// reachable names the account of a destination on a channel, its first one where none is named, and refuses one on a
// channel that has no such account.
func (s *Service) reachable(d session.Destination) (session.Destination, error) {
	name := d.Named()
	if !d.Wanted || name == "" {
		return d, nil
	}
	account, err := s.accounts.Account(name, d.Account)
	if err != nil {
		return d, wit.Errorf(wit.CodeInvalid, "%w", err)
	}
	d.Account = account.ID
	return d, nil
}

// Outcome is what became of a job.
type Outcome struct {
	// Run is the run as it ended; its zero value if it never began.
	Run Run
	// Undelivered is why the answer cannot be delivered as the job wants it, nil if it is on its way.
	Undelivered error
}

// Do runs a job and returns what became of it when it has ended. An answer that cannot be delivered does not
// keep the run from being made. A store that fails is asked again, for a few minutes. Errors: what ended the run
// otherwise; CodeTimeout when ctx ends first, and the run goes on; the store's.
func (s *Service) Do(ctx context.Context, j Job) (Outcome, error) {
	var out Outcome
	q, err := s.request(j)
	if err != nil {
		return out, err
	}
	to := &q.To
	if *to, out.Undelivered = s.reachable(*to); out.Undelivered != nil {
		to.Wanted = false
	}
	if err := s.insist(ctx, func() error {
		got, err := s.submit(ctx, q)
		if err != nil {
			return err
		}
		if to.Wanted && got.Run.Reply == nil {
			out.Undelivered = session.NobodyThere()
		}
		out.Run, err = s.Wait(ctx, j.ID)
		return err
	}); err != nil {
		return out, err
	}
	return out, out.Run.Failure()
}

// Start queues a job's run and returns it, or the one that has its id. Errors: CodeInvalid and CodeNotFound for what
// cannot be, also a destination that there is not; as Enqueue's; the store's.
func (s *Service) Start(ctx context.Context, j Job) (Run, error) {
	q, err := s.request(j)
	if err != nil {
		return Run{}, err
	}
	q.To.Required = true
	if q.To, err = s.reachable(q.To); err != nil {
		return Run{}, err
	}
	got, err := s.submit(ctx, q)
	return got.Run, err
}

// request is a job as a run.
func (s *Service) request(j Job) (Request, error) {
	if strings.TrimSpace(j.Message) == "" || len(j.Message) > MaxText {
		return Request{}, wit.Errorf(wit.CodeInvalid, "a turn needs a message of 1 to %d bytes", MaxText)
	}
	settings := s.sessions.Settings()
	key, err := settings.Find(j.Session, j.Agent)
	return Request{To: j.destination(settings), Run: Run{
		ID: j.ID, Session: key, Asker: cmp.Or(j.Asker, askerJobs), Parent: j.Parent, Depth: j.Depth,
		Text: j.Message, Model: j.Model, Thinking: j.Thinking, System: j.System, Tools: j.Tools, Timeout: j.Timeout.Milliseconds(), Quiet: j.Quiet,
	}}, err
}

// Address is where a job's words go: what it names, or where the agent's main session was last spoken to. Errors:
// CodeInvalid for a channel that has no such account; CodeNotFound where there is nobody; the store's.
func (s *Service) Address(ctx context.Context, j Job) (to *message.Origin, err error) {
	d := j.destination(s.sessions.Settings())
	d.Required = true
	if d, err = s.reachable(d); err != nil {
		return nil, err
	}
	err = s.store.View(ctx, func(tx store.Tx) (err error) {
		to, err = d.Resolve(tx, session.Entry{})
		return err
	})
	return to, err
}

func (j Job) destination(settings session.Settings) session.Destination {
	return session.Destination{
		Wanted: j.Deliver, Channel: j.Channel, To: j.To, Account: j.Account, Thread: j.Thread, Of: cmp.Or(j.Of, settings.Main(j.Agent)),
	}
}

// insistFor is how long a store that fails is asked again on behalf of a job.
const insistFor = 5 * time.Minute

// insist does something for a job, which comes once, again while the store fails. What it does may be done twice.
func (s *Service) insist(ctx context.Context, do func() error) error {
	until := time.Now().Add(insistFor)
	passes := func(err error) bool { return store.Failed(err) && time.Now().Before(until) }
	return retry.While(ctx, passes, storeRest, do)
}

// SystemEvent is something that a session's agent is told by the gateway.
type SystemEvent struct {
	// ID, of a Source, makes the same event twice one; empty is only for notes, and always new.
	ID string
	// Session is told, or the main one of Agent when it is empty.
	Session session.Key
	Agent   string
	Text    string
	// Now makes a run of it; else it is a note that the agent reads in its next run.
	Now bool
}

// Tell gives a session a system event. A store that fails is asked again, for a few minutes. Errors:
// CodeInvalid for a text that is empty or over 1 MiB; as Enqueue's; the store's.
func (s *Service) Tell(ctx context.Context, e SystemEvent) error {
	if strings.TrimSpace(e.Text) == "" || len(e.Text) > MaxText {
		return wit.Errorf(wit.CodeInvalid, "a system event needs a text of 1 to %d bytes", MaxText)
	}
	if e.Session == "" {
		agent, err := s.sessions.Settings().Agent(e.Agent)
		if err != nil {
			return err
		}
		e.Session = s.sessions.Settings().Main(agent)
	}
	err := s.insist(ctx, func() error {
		return s.store.Update(ctx, func(tx store.Tx) error { return tell(tx, e) })
	})
	if err == nil {
		s.sessions.Changed(e.Session, "message")
		s.Wake(e.Session)
	}
	return err
}

// tell queues a run for a system event, or notes it.
func tell(tx store.Tx, e SystemEvent) error {
	r := Run{ID: e.ID, Session: e.Session, Asker: askerJobs, Text: session.EventMark + e.Text}
	entry, err := session.Ensure(tx, r.Session, message.Origin{})
	if err != nil {
		return err
	}
	if !e.Now {
		return note(tx, r)
	}
	r.Reply = entry.Route.Room()
	_, err = Enqueue(tx, r)
	return err
}

// note appends a run's text without running it. The run is kept, done, so that its id is known.
func note(tx store.Tx, r Run) error {
	if r.ID != "" {
		r.Urgent = true // it has no place among the runs that wait
		receipt, err := Enqueue(tx, r)
		if err != nil || receipt.Existed {
			return err
		}
		if _, err := Finish(tx, r.ID, Done, func(*Run) {}); err != nil {
			return err
		}
	}
	_, err := session.Append(tx, r.Session, session.Message{Role: wit.RoleUser, Run: r.ID, Parts: []wit.Part{session.TextPart(r.Text)}})
	return err
}
