package schedule

import (
	"cmp"
	"context"
	"encoding/json"
	"strings"
	"sync"
)

// defaultParallel is how many jobs of a kind run at a time if its handler does not say.
const defaultParallel = 4

// Handler runs the jobs of a kind of owner.
type Handler struct {
	// Fire does the work. What it returns goes into the history, beside an error too. It must end soon after
	// ctx does.
	Fire func(ctx context.Context, f Firing) (Result, error)
	// Resumable says that calling Fire again with the same Key does nothing twice.
	Resumable bool
	// Parallel is how many jobs of the kind run at a time; 0 is 4.
	Parallel int
	// Jobs is how many jobs an owner of the kind may have; 0 is MaxJobs.
	Jobs int
	// Changed, if set, is told what happens to the kind's jobs. It must return at once and must not
	// call the scheduler.
	Changed func(Change)
	// Touched, if set, is told of each of the kind's jobs that was written or removed, before Changed is and also where that is
	// not, so that what is kept in memory of jobs stays as they are. It must return at once and must not call the scheduler.
	Touched func(owner Owner, id string)
}

// Result is what a run came to.
type Result struct {
	// Summary is for people; its first 4 KiB are kept.
	Summary string
	// Details is JSON of the handler's own, at most 4 KiB, else it is not kept.
	Details json.RawMessage
	// Memory is likewise, and in the state of the job when it runs again. None leaves what is there.
	Memory json.RawMessage
}

// handlers is the table of handlers by kind, and how many jobs of each kind run now.
type handlers struct {
	mu   sync.Mutex
	rows map[string]Handler
	busy map[string]int
}

func newHandlers() *handlers {
	return &handlers{rows: map[string]Handler{}, busy: map[string]int{}}
}

func (t *handlers) set(kind string, h Handler) {
	if h.Parallel <= 0 {
		h.Parallel = defaultParallel
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.rows[kind] = h
}

// of returns the handler of a kind. A kind that nobody serves has one whose functions are nil.
func (t *handlers) of(kind string) Handler {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.rows[kind]
}

// room reports whether one more job of the kind may be started because its time has come. A kind without
// handler has room for one: its due time has to be claimed and recorded as failed, or it would stay due.
func (t *handlers) room(kind string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.busy[kind] < max(t.rows[kind].Parallel, 1)
}

// most is how many jobs an owner may have.
func (t *handlers) most(owner Owner) int { return cmp.Or(t.of(owner.Kind()).Jobs, MaxJobs) }

// take counts a job as running and returns its handler. It does not look for room: a forced run goes at once.
func (t *handlers) take(kind string) Handler {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.busy[kind]++
	return t.rows[kind]
}

// release undoes one take.
func (t *handlers) release(kind string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.busy[kind]--
}

// touch tells the handlers of their jobs with these keys.
func (t *handlers) touch(keys []string) {
	for _, k := range keys {
		name, id, _ := strings.Cut(k, "\x00")
		if h := t.of(Owner(name).Kind()); h.Touched != nil {
			h.Touched(Owner(name), id)
		}
	}
}

// report tells each change to the handler of its job's kind, without holding the table.
func (t *handlers) report(changes []Change) {
	for _, c := range changes {
		if h := t.of(c.Job.Owner.Kind()); h.Changed != nil {
			h.Changed(c)
		}
	}
}
