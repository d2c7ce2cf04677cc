package turn

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/service/hook"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/hashicorp/go-hclog"
)

// Deps is what the service uses. Media, Typing and Watchers may be nil: pictures are then refused,
// nobody sees typing, and tool calls are shown in verbose sessions only.
type Deps struct {
	Store     store.Store
	Sessions  *session.Service
	Bus       *event.Bus
	Providers Providers
	Tools     Tools
	Hooks     *hook.Hooks
	Outbox    message.Outbox
	Typing    Typing
	Media     Media
	Watchers  Watchers
	Settings  func() Settings
	Log       hclog.Logger
	// Parallel is how many sessions are answered at a time; 8 when 0.
	Parallel int
}

// Service answers.
type Service struct {
	Deps
	wakeups chan struct{}
	slots   chan struct{}
	catalog catalogue
	wg      sync.WaitGroup

	mu      sync.Mutex
	ctx     context.Context                    // of Run; nil before
	busy    map[string]bool                    // workers: session keys and ids of urgent runs
	active  map[string]context.CancelCauseFunc // runs in this process
	held    map[session.Key]int                // no run begins
	waiters map[string]*waiter                 // by run
}

// New returns the service. Nothing is answered before Run.
func New(d Deps) *Service {
	if d.Parallel <= 0 {
		d.Parallel = 8
	}
	d.Log = d.Log.Named("turn")
	return &Service{
		Deps: d, wakeups: make(chan struct{}, 1), slots: make(chan struct{}, d.Parallel),
		busy: map[string]bool{}, active: map[string]context.CancelCauseFunc{}, waiters: map[string]*waiter{},
		held: map[session.Key]int{},
	}
}

// errShutdown is why runs end when Run's context does: they go on at the next start.
var errShutdown = errors.New("the gateway is stopping")

// storeBackOff is how long work rests after the store has failed.
const storeBackOff = time.Second

// Run answers what is queued, beginning with what an earlier process left, until ctx ends and every
// run has stopped where it was. It returns nil then.
func (s *Service) Run(ctx context.Context) error {
	s.mu.Lock()
	s.ctx = ctx
	s.mu.Unlock()
	s.wg.Go(func() {
		if err := s.Sessions.Sweep(ctx); err != nil && ctx.Err() == nil {
			s.Log.Warn("old histories could not be freed", "error", err)
		}
	})
	defer func() {
		s.mu.Lock()
		s.ctx = nil // nothing new begins
		s.mu.Unlock()
		s.wg.Wait()
	}()
	for {
		if err := s.dispatch(ctx); err != nil && ctx.Err() == nil {
			s.Log.Error("the queue of runs could not be read", "error", err)
			pause(ctx, storeBackOff)
			s.Wake()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.wakeups:
		}
	}
}

// Wake makes the service look at the queue. It is called after a commit with new runs in it, and
// never blocks.
func (s *Service) Wake() {
	select {
	case s.wakeups <- struct{}{}:
	default:
	}
}

// dispatch starts a worker for each session that has work and none, and one for each urgent run.
func (s *Service) dispatch(ctx context.Context) error {
	var live []*session.Waiting
	err := s.Store.View(ctx, func(tx store.Tx) (err error) {
		live, err = session.Live(tx)
		return err
	})
	if err != nil {
		return err
	}
	for _, w := range live {
		for _, id := range w.Urgent {
			s.work(ctx, "run:"+id, func() time.Duration { return s.execute(ctx, id) })
		}
		if len(w.Runs) > 0 {
			s.work(ctx, string(w.Key), func() time.Duration { return s.serve(ctx, w.Key) })
		}
	}
	return nil
}

// work runs fn on its own goroutine unless work of this name is going on, and looks at the queue again
// after it, and after the rest that it asks for.
func (s *Service) work(ctx context.Context, name string, fn func() (rest time.Duration)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy[name] || s.ctx == nil {
		return
	}
	s.busy[name] = true
	s.wg.Go(func() {
		pause(ctx, fn())
		s.mu.Lock()
		delete(s.busy, name)
		s.mu.Unlock()
		s.Wake()
	})
}

// serve answers a session's runs, each once there is a slot for it, until none is left.
func (s *Service) serve(ctx context.Context, key session.Key) (rest time.Duration) {
	for rest == 0 && !s.holding(key) {
		select {
		case s.slots <- struct{}{}:
		case <-ctx.Done():
			return 0
		}
		id, err := s.next(ctx, key)
		switch {
		case err != nil && ctx.Err() == nil:
			s.Log.Error("a session's queue could not be read", "session", key, "error", err)
			rest = storeBackOff
		case err == nil && id != "":
			rest = s.execute(ctx, id)
		}
		<-s.slots
		if id == "" || ctx.Err() != nil {
			break
		}
	}
	return rest
}

// next returns the session's running run, or the one that is to run next, or "".
func (s *Service) next(ctx context.Context, key session.Key) (id string, err error) {
	err = s.Store.View(ctx, func(tx store.Tx) (err error) {
		id, err = session.Next(tx, key)
		return err
	})
	return id, err
}

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// waiter is a channel that is closed when a run ends, and how many wait for it.
type waiter struct {
	done    chan struct{}
	waiting int
}

// Wait returns a run once it has ended. A run that does not exist yet is waited for too. It fails
// with CodeTimeout when ctx ends first.
func (s *Service) Wait(ctx context.Context, id string) (session.Run, error) {
	s.mu.Lock()
	w := s.waiters[id]
	if w == nil {
		w = &waiter{done: make(chan struct{})}
		s.waiters[id] = w
	}
	w.waiting++
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if w.waiting--; w.waiting == 0 && s.waiters[id] == w {
			delete(s.waiters, id)
		}
	}()
	r, err := s.run(ctx, id)
	if err == nil && r.State.Live() || wit.CodeOf(err) == wit.CodeNotFound {
		select {
		case <-w.done:
			return s.run(ctx, id)
		case <-ctx.Done():
			return r, wit.Errorf(wit.CodeTimeout, "run %.40q has not ended yet: %w", id, context.Cause(ctx))
		}
	}
	return r, err
}

func (s *Service) run(ctx context.Context, id string) (r session.Run, err error) {
	err = s.Store.View(ctx, func(tx store.Tx) (err error) {
		r, err = session.FindRun(tx, id)
		return err
	})
	return r, err
}

// release lets those go on who wait for a run.
func (s *Service) release(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w := s.waiters[id]; w != nil {
		close(w.done)
		delete(s.waiters, id)
	}
}
