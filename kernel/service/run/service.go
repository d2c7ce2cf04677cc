package run

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/claim"
	"github.com/carapace-gateway/carapace/kernel/retry"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/turns"
	"github.com/carapace-gateway/carapace/wit"
)

// Executor does the work of runs.
type Executor interface {
	// Begin records that a run begins that was just queued and has no Command, Parts and Attachments: it calls Start, and
	// adds what is asked to the history. It may not commit, and be called again. Execute gets what it returns as
	// Active.Begun. Errors: the store's, and those for which the run cannot even be queued.
	Begin(tx store.Tx, r Run) (Beginning, error)
	// Execute takes a run from where it stands to its recorded end. It is called again for a run that an
	// earlier call, or process, has left. ctx ends with *Stopped as its cause when the run was stopped, and
	// with another one when the gateway stops: the run is left where it is then. An error means that the
	// run could not be brought to its end; it is tried again while it has none.
	Execute(ctx context.Context, a *Active) error
	// Dropped is told, after the commit, of a run that was stopped while it waited, or failed since its record is
	// damaged.
	Dropped(r Run)
}

// Accounts knows the accounts of the channels.
type Accounts interface {
	// Account finds an account, the channel's first when account is empty. Errors: CodeNotFound.
	Account(channel, account string) (message.Account, error)
}

// DefaultParallel is how many sessions are served at a time where nobody says it.
const DefaultParallel = 8

// Deps is what the service uses. All fields but Parallel and Waits are needed.
type Deps struct {
	Store    store.Store
	Sessions *session.Service
	Executor Executor
	Claims   claim.Claims
	Accounts Accounts
	Log      hclog.Logger
	// Parallel is how many sessions are served at a time, a quarter of them never for the same asker; DefaultParallel when 0.
	Parallel int
	// Waits is told, after the commit, the id of a run that a client or the gateway itself has asked for and that has not begun at
	// once; it may have begun since. nil is nobody.
	Waits func(id string)
}

// Service executes what is queued.
type Service struct {
	store    store.Store
	sessions *session.Service
	executor Executor
	claims   claim.Claims
	accounts Accounts
	log      hclog.Logger
	waits    func(id string)
	skips    *store.Skips
	waiters  waiters
	holds    holds
	handover handover
	due      due
	wakeups  chan struct{}
	turns    *turns.Turns
	wg       sync.WaitGroup

	mu     sync.Mutex
	ctx    context.Context                    // of Run; nil outside it
	busy   map[work]bool                      // workers, and whether each is to look once more
	parked map[session.Key]*parked            // sessions whose next run has no place, or has it and no worker yet
	active map[string]context.CancelCauseFunc // runs in this process, by id
}

// New returns the service. Nothing is executed before Run.
func New(d Deps) *Service {
	if d.Parallel <= 0 {
		d.Parallel = DefaultParallel
	}
	if d.Waits == nil {
		d.Waits = func(string) {}
	}
	log := d.Log.Named("run")
	return &Service{
		store: d.Store, sessions: d.Sessions, executor: d.Executor, claims: d.Claims, accounts: d.Accounts, log: log, waits: d.Waits, skips: store.NewSkips(log),
		wakeups: make(chan struct{}, 1), turns: turns.New(d.Parallel, mostOf(d.Parallel)),
		busy: map[work]bool{}, parked: map[session.Key]*parked{}, active: map[string]context.CancelCauseFunc{},
	}
}

// mostOf is how many of the places one asker may have: some are left for whoever comes, since a run may take long.
func mostOf(places int) int { return max(1, places-(places+3)/4) }

// Service describes the service to the kernel.
func (s *Service) Service() service.Service {
	return service.Service{Name: "run", Run: s.Run, Checks: []func(context.Context) service.Check{s.check}, Queues: func(ctx context.Context) (map[string]int, error) {
		n := 0
		err := s.store.View(ctx, func(tx store.Tx) (err error) {
			n, err = queued().Of(tx)
			return err
		})
		return map[string]int{"runs": n}, err
	}}
}

// storeRest is how long work rests after the store has failed.
const storeRest = time.Second

// Run executes what is queued, beginning with what an earlier process left, until ctx ends and every
// run has stopped where it was. It returns nil then.
func (s *Service) Run(ctx context.Context) error {
	s.mu.Lock()
	s.ctx = ctx
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.ctx = nil // nothing new begins
		s.mu.Unlock()
		s.wg.Wait()
		s.unparkAll()
	}()
	s.due.add(nil)
	for {
		if err := s.dispatch(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("queue of runs not readable", "error", err)
			retry.Sleep(ctx, storeRest)
			s.Wake()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.wakeups:
		}
	}
}

// dispatch has what waits executed in each session that is to be looked at, and each urgent run.
func (s *Service) dispatch(ctx context.Context) error {
	all, keys := s.due.take() // before the store is looked at: what is noted from here on, this look may not see
	var live []*Waiting
	if err := s.store.View(ctx, func(tx store.Tx) (err error) {
		live, err = s.look(tx, all, keys)
		return err
	}); err != nil {
		return err
	}
	for _, w := range live {
		for _, id := range w.Urgent {
			s.begin(work{w.Key, id})
		}
		if len(w.Runs) > 0 {
			s.enter(w.Key, w.Asker)
		}
	}
	return nil
}

// work is what a worker does: a session's runs, or the urgent one with this id.
type work struct {
	key    session.Key
	urgent string
}

// claim is what is claimed for it.
func (w work) claim() string {
	if w.urgent != "" {
		return "run/" + w.urgent
	}
	return "session/" + string(w.key)
}

// begin does work on a goroutine of its own. It looks at no other session, so that what it costs does not grow with what
// waits. Where such work is going on, it is done once more after it, since it may have looked for the last time; so it is
// after the rest that it asks for.
func (s *Service) begin(w work) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.start(w)
}

// start is begin for who holds mu.
func (s *Service) start(w work) {
	if s.ctx == nil {
		return
	}
	if _, busy := s.busy[w]; busy {
		s.busy[w] = true
		return
	}
	ctx := s.ctx
	s.busy[w] = false
	s.wg.Go(func() {
		for again := true; again; {
			rest, lost := s.claimed(ctx, w)
			retry.Sleep(ctx, rest)
			s.mu.Lock()
			again = ctx.Err() == nil && (s.busy[w] || lost || rest > 0)
			if s.busy[w] = false; !again {
				delete(s.busy, w)
			}
			s.mu.Unlock()
		}
	})
}

// claimed does work while the claim is held. After a loss the work is claimed anew.
func (s *Service) claimed(ctx context.Context, w work) (rest time.Duration, lost bool) {
	name := w.claim()
	held, release, err := s.claims.Try(ctx, name)
	if wit.CodeOf(err) == wit.CodeConflict { // somebody else is at it, for as long as a run takes
		if w.urgent == "" {
			s.unpark(w.key)
		}
		held, release, err = s.claims.Claim(ctx, name)
	}
	if err != nil {
		if ctx.Err() == nil {
			s.log.Error("run not claimed", "claim", name, "error", err)
		}
		return storeRest, false
	}
	defer release()
	if w.urgent != "" {
		rest = s.execute(held, w.key, w.urgent, nil)
	} else {
		rest = s.serve(held, w.key)
	}
	if lost = claim.Lost(held); lost {
		s.log.Warn("run left where it is: its claim was lost", "claim", name)
	}
	return rest, lost
}

// serve executes a session's runs until none is left, the next one has to wait for its asker's turn, for which the session is
// parked, or the session is held, whose release wakes. One that has begun has had its turn, and goes on in a held session
// too, since the holder waits for its end.
func (s *Service) serve(ctx context.Context, key session.Key) (rest time.Duration) {
	defer func() {
		if ctx.Err() != nil { // others may execute it now
			s.leave(s.handover.take(key, ""))
		}
	}()
	if ctx.Err() == nil {
		if b := s.handover.first(key); b != nil {
			behind := s.unpark(key)
			rest = s.execute(ctx, key, b.run, b)
			s.turns.Give(b.asker)
			if !behind { // nothing waited, and what came since asks for more work
				return rest
			}
		}
	}
	for rest == 0 && ctx.Err() == nil {
		id, asker, err := next(ctx, s.store, key)
		if err != nil && ctx.Err() == nil {
			s.log.Error("queue of a session not readable", "session", key, "error", err)
			return storeRest
		}
		if id == "" {
			s.unpark(key)
			return 0
		}
		b := s.handover.take(key, id)
		if b != nil {
			s.unpark(key)
		} else if !s.seat(key, asker) {
			return 0
		}
		rest = s.execute(ctx, key, id, b) // nothing, if it was stopped meanwhile
		s.turns.Give(asker)
	}
	return rest
}

// next returns the session's running run, or the one that is to run next, or "", and its asker.
func next(ctx context.Context, st store.Store, key session.Key) (id, asker string, err error) {
	err = st.View(ctx, func(tx store.Tx) (err error) {
		id, asker, err = Next(tx, key)
		return err
	})
	return id, asker, err
}

// execute takes a run from where it stands to its end, unless ctx or the store ends first. One whose record cannot be
// read is set aside. b is set if the run has begun and was not executed yet. It returns how long to rest before the next try.
func (s *Service) execute(ctx context.Context, key session.Key, id string, b *begun) (rest time.Duration) {
	runCtx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s.activate(id, cancel)
	defer s.activate(id, nil)
	r, err := s.Find(ctx, id)
	if unreadable(err) {
		return s.discard(ctx, key)
	}
	if r.State.Live() {
		a := &Active{Run: r, service: s, held: ctx}
		if b != nil {
			a.Begun = &b.Beginning
		}
		if err = s.executor.Execute(runCtx, a); err == nil || errors.Is(err, errHeld) {
			return 0
		}
		var now error
		r, now = s.Find(ctx, id)
		err = errors.Join(err, now)
	}
	if ctx.Err() != nil || r.ID != "" && !r.State.Live() {
		return 0
	}
	s.log.Error("run not brought to its end; it is tried again", "run", id, "error", err)
	return storeRest
}

// activate notes how a run in this process is stopped, or with nil that it is not here any more.
func (s *Service) activate(id string, cancel context.CancelCauseFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if cancel == nil {
		delete(s.active, id)
	} else {
		s.active[id] = cancel
	}
}

// Find returns a run, or CodeNotFound.
func (s *Service) Find(ctx context.Context, id string) (r Run, err error) {
	err = s.store.View(ctx, func(tx store.Tx) (err error) {
		r, err = Find(tx, id)
		return err
	})
	return r, err
}
