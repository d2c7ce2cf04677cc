package run

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// place is a run's row in its session's queue.
type place struct {
	Run    string `json:"run"`
	Urgent bool   `json:"urgent,omitempty"`
	Steer  bool   `json:"steer,omitempty"`
	Asker  string `json:"asker,omitempty"`
}

const (
	runs     = store.Table[Run]("runs")
	queue    = store.Table[place]("runs.queue") // session NUL ticket
	finished = store.Table[string]("runs.done") // time / run

	maxKey   = 256         // a client's
	maxRunID = maxKey + 16 // with its source
	maxQueue = 1000
	// maxUrgent is how many urgent runs a full queue takes besides: whoever is told to /stop must be able to.
	maxUrgent = 50
	// keepRuns is how long a finished run answers for its id, in milliseconds.
	keepRuns = 30 * 24 * 3600 * 1000
	// roomAgain is when a session that has as many runs as it may is to be asked again: each takes some seconds.
	roomAgain = 10 * time.Second
)

// queued counts the live runs.
func queued() store.Tally { return store.TallyOf(string(queue)) }

func placeKey(r Run) string { return fmt.Sprintf("%s\x00%016x", r.Session, r.Ticket) }

// Receipt is what became of a request: the run as it stands.
type Receipt struct {
	Run Run
	// Existed is set if a run with this id was there before; nothing has changed then.
	Existed bool
	// Ahead is how many runs of the session go before a new one.
	Ahead int
}

// Enqueue puts a run into its session's queue, unless there is one with this id already. The session must exist.
//
// Errors: CodeInvalid for an id that is empty or too long, CodeRateLimited for a full queue,
// CodeConflict when the id belongs to another session.
func Enqueue(tx store.Tx, r Run) (Receipt, error) {
	if r.ID == "" || len(r.ID) > maxRunID {
		return Receipt{}, wit.Errorf(wit.CodeInvalid, "%.40q cannot be a run's id: use 1 to %d bytes", r.ID, maxKey)
	}
	old, err := runs.Get(tx, r.ID)
	switch {
	case err == nil && old.Session != r.Session:
		return Receipt{}, wit.Errorf(wit.CodeConflict, "the idempotency key %.40q was used in another session: take a new one", r.ID)
	case err == nil:
		return Receipt{Run: old, Existed: true}, nil
	case wit.CodeOf(err) != wit.CodeNotFound:
		return Receipt{}, err
	}
	waiting, err := places(tx, r.Session)
	if err != nil {
		return Receipt{}, err
	}
	room := maxQueue
	if r.Urgent {
		room += maxUrgent
	}
	if len(waiting) >= room {
		return Receipt{}, wit.ErrorAfter(wit.CodeRateLimited, roomAgain, "session %s has %d unfinished runs: wait, or stop them with /stop", r.Session, len(waiting))
	}
	if r.Ticket, err = tx.Next("runs"); err != nil {
		return Receipt{}, err
	}
	r.State, r.Queued = Queued, time.Now().UnixMilli()
	if err := queue.Insert(tx, placeKey(r), place{r.ID, r.Urgent, r.joins(), r.Asker}); err != nil {
		return Receipt{}, err
	}
	if err := queued().Add(tx, 1); err != nil {
		return Receipt{}, err
	}
	return Receipt{Run: r, Ahead: len(waiting)}, runs.Insert(tx, r.ID, r)
}

// Find returns a run, or CodeNotFound.
func Find(tx store.Tx, id string) (Run, error) {
	if id == "" || len(id) > maxRunID {
		return Run{}, wit.Errorf(wit.CodeNotFound, "there is no run %.40q", id)
	}
	r, err := runs.Get(tx, id)
	if wit.CodeOf(err) == wit.CodeNotFound {
		err = wit.Errorf(wit.CodeNotFound, "there is no run %.40q", id)
	}
	return r, err
}

// Start makes a queued run the session's running one. Urgent runs do not count.
//
// Errors: CodeNotFound; CodeConflict if it is not queued, or if another one is running.
func Start(tx store.Tx, r Run) (Run, error) {
	if r.State != Queued {
		return r, wit.Errorf(wit.CodeConflict, "run %.40q is %s, not queued", r.ID, r.State)
	}
	e, err := session.RunStarted(tx, r.Session, r.ID, r.Urgent)
	if err != nil {
		return r, err
	}
	r.State, r.Started, r.SessionID = Running, time.Now().UnixMilli(), e.SessionID
	return r, runs.Put(tx, r.ID, r)
}

// Note stores what has changed in a running run. Errors: CodeConflict if it is not running any more.
func Note(tx store.Tx, id string, change func(*Run)) (Run, error) {
	r, err := Find(tx, id)
	if err != nil {
		return r, err
	}
	if r.State != Running {
		return r, wit.Errorf(wit.CodeConflict, "run %.40q is %s, not running", id, r.State)
	}
	change(&r)
	return r, runs.Put(tx, r.ID, r)
}

// Finish ends a live run in state, after outcome has filled in what came of it, and takes it out of the
// queue. Errors: CodeNotFound; CodeConflict if it has ended already.
func Finish(tx store.Tx, id string, state State, outcome func(*Run)) (Run, error) {
	r, err := Find(tx, id)
	if err != nil {
		return r, err
	}
	if !r.State.Live() {
		return r, wit.Errorf(wit.CodeConflict, "run %.40q has ended already: %s", id, r.State)
	}
	outcome(&r)
	r.State, r.Ended, r.Calling, r.Terms = state, time.Now().UnixMilli(), "", nil
	if err := queue.Delete(tx, placeKey(r)); err != nil {
		return r, err
	}
	if err := queued().Add(tx, -1); err != nil {
		return r, err
	}
	if err := runs.Put(tx, r.ID, r); err != nil {
		return r, err
	}
	if err := finished.Put(tx, fmt.Sprintf("%016x/%s", r.Ended, r.ID), r.ID); err != nil {
		return r, err
	}
	if !r.Urgent {
		fault := ""
		if r.Error != nil {
			fault = r.Error.Message
		}
		if err := session.RunEnded(tx, r.Session, r.ID, session.RunState(r.State), fault); err != nil {
			return r, err
		}
	}
	return r, forget(tx, r.Ended-keepRuns)
}

// forget deletes some of the runs that ended before a moment. It is called once for each run that
// ends, so a few at a time are enough to keep the number bounded.
func forget(tx store.Tx, before int64) error {
	var old []store.Row[string]
	for row, err := range finished.Scan(tx, store.Range{To: fmt.Sprintf("%016x", max(before, 0)), Limit: 4}) {
		if err != nil {
			return err
		}
		old = append(old, row)
	}
	for _, row := range old {
		if err := runs.Delete(tx, row.Value); err != nil {
			return err
		}
		if err := tx.Delete(damaged, row.Value); err != nil {
			return err
		}
		if err := finished.Delete(tx, row.Key); err != nil {
			return err
		}
	}
	return nil
}

// Queue returns the session's live runs in their order, the running one first; at most limit of them
// unless that is 0. total counts all.
func Queue(tx store.Tx, key session.Key, limit int) (live []Run, total int, err error) {
	rows, err := places(tx, key)
	if err != nil {
		return nil, 0, err
	}
	total = len(rows)
	if limit > 0 {
		rows = rows[:min(limit, total)]
	}
	for _, row := range rows {
		r, err := runs.Get(tx, row.Value.Run)
		if unreadable(err) {
			total-- // it will be set aside
			continue
		}
		if err != nil {
			return nil, 0, err
		}
		live = append(live, r)
	}
	return live, total, nil
}

// Next returns the id of the session's first live run that is not urgent, the running one or the one that is to run
// next, and its asker; "" if there is none.
func Next(tx store.Tx, key session.Key) (id, asker string, err error) {
	for row, err := range queue.Scan(tx, of(key)) {
		if store.Damaged(err) {
			continue
		}
		if err != nil {
			return "", "", err
		}
		if !row.Value.Urgent {
			return row.Value.Run, row.Value.Asker, nil
		}
	}
	return "", "", nil
}

// Waiting describes a session that has live runs.
type Waiting struct {
	Key session.Key
	// Runs are the ids in the queue's order; Urgent those of them that do not wait.
	Runs, Urgent []string
	// Asker is the first one's of those that are not urgent.
	Asker  string
	ticket string
}

// Live returns the sessions that have live runs, the one that waits longest first. An error of a place in the queue that
// skip returns true for, a store.Damaged one, leaves that out.
func Live(tx store.Tx, skip func(error) bool) ([]*Waiting, error) {
	out, err := waiting(tx, store.Range{}, skip)
	slices.SortFunc(out, func(a, b *Waiting) int { return strings.Compare(a.ticket, b.ticket) })
	return out, err
}

// of are the rows of a session's queue.
func of(key session.Key) store.Range { return store.Range{Prefix: string(key) + "\x00"} }

// waiting reads a part of the queue, session by session.
func waiting(tx store.Tx, part store.Range, skip func(error) bool) ([]*Waiting, error) {
	var out []*Waiting
	for row, err := range queue.Scan(tx, part) {
		if skip(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		key, ticket, _ := strings.Cut(row.Key, "\x00")
		if len(out) == 0 || out[len(out)-1].Key != session.Key(key) {
			out = append(out, &Waiting{Key: session.Key(key), ticket: ticket})
		}
		w := out[len(out)-1]
		if row.Value.Urgent {
			w.Urgent = append(w.Urgent, row.Value.Run)
			continue
		}
		if len(w.Runs) == 0 {
			w.Asker = row.Value.Asker
		}
		w.Runs = append(w.Runs, row.Value.Run)
	}
	return out, nil
}

// places returns the session's rows in the queue. A damaged one is left out.
func places(tx store.Tx, key session.Key) ([]store.Row[place], error) {
	var out []store.Row[place]
	for row, err := range queue.Scan(tx, of(key)) {
		if store.Damaged(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, row)
	}
	return out, nil
}

// SessionQueue tells session what waits and runs; it implements session.Queue.
type SessionQueue struct{}

// Pending implements session.Queue.
func (SessionQueue) Pending(tx store.Tx, key session.Key) (session.Pending, error) {
	var p session.Pending
	rows, err := places(tx, key)
	for _, row := range rows {
		if row.Value.Urgent {
			p.Urgent++
		} else {
			p.Runs = append(p.Runs, row.Value.Run)
		}
	}
	return p, err
}

// readWhole is how many places are read at once rather than session by session.
const readWhole = 256

// PendingIn implements session.Queue. Mostly few runs wait, or none, so the beginning of the queue is looked at first.
func (SessionQueue) PendingIn(tx store.Tx, keys []session.Key) (map[session.Key]session.Pending, error) {
	read := 0 // damaged ones too
	live, err := waiting(tx, store.Range{Limit: readWhole}, func(err error) bool { read++; return store.Damaged(err) })
	if err != nil {
		return nil, err
	}
	out := map[session.Key]session.Pending{}
	note := func(live []*Waiting) {
		for _, w := range live {
			out[w.Key] = session.Pending{Runs: w.Runs, Urgent: len(w.Urgent)}
		}
	}
	if read < readWhole {
		note(live)
		return out, nil
	}
	for _, key := range keys {
		if live, err = waiting(tx, of(key), store.Damaged); err != nil {
			return nil, err
		}
		note(live)
	}
	return out, nil
}

// Version implements session.Queue.
func (SessionQueue) Version(s store.Store) uint64 { return queue.Version(s) }
