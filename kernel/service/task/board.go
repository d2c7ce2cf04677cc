package task

import (
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// Changed says that a task waits, has begun, has moved on, or has ended, and how it is now.
type Changed struct {
	Action string `json:"action" rpc:"enum=upserted"`
	Task   Task   `json:"task"`
}

// ChangedKind is the kind task.
var ChangedKind = event.Kind[Changed]{Name: "task", Scope: wire.ScopeRead, DropIfSlow: true}

// moveEvery is the least time between two events that tell how far a task is.
const moveEvery = time.Second

// Board tells clients what becomes of tasks, and knows how far those are that are done in this process. It is safe for
// concurrent use.
type Board struct {
	bus *event.Bus

	mu   sync.Mutex // held while an event is published, so that a task's events come in its order
	live map[string]*Live
}

// NewBoard returns a board that tells bus, or nobody where that is nil.
func NewBoard(bus *event.Bus) *Board { return &Board{bus: bus, live: map[string]*Live{}} }

// Wait tells of a task that is still to be begun, which find looks up, unless it has been begun meanwhile: then find returns
// false. Nothing of any task is told while find is at it.
func (b *Board) Wait(find func() (Task, bool)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t, ok := find(); ok {
		b.tell(t)
	}
}

// Begin tells that a task is being done, or is taken up again, and returns who is told the rest.
func (b *Board) Begin(t Task) *Live {
	b.mu.Lock()
	defer b.mu.Unlock()
	if before := b.live[t.ID]; before != nil {
		before.close()
	}
	l := &Live{board: b, task: t}
	b.live[t.ID] = l
	l.tell()
	return l
}

// End tells how a task has ended that has not begun here.
func (b *Board) End(t Task) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tell(t)
}

// With is a task that goes on with how far it is, where that is known here, and any other one as it is.
func (b *Board) With(t Task) Task {
	b.mu.Lock()
	defer b.mu.Unlock()
	if l := b.live[t.ID]; l != nil && t.Status == l.task.Status {
		t.Progress, t.LastToolName, t.LastActivity = l.task.Progress, l.task.LastToolName, l.task.LastActivity
		t.UpdatedAt = max(t.UpdatedAt, l.task.UpdatedAt)
	}
	return t
}

// tell publishes how a task is. The caller holds mu.
func (b *Board) tell(t Task) {
	if b.bus != nil {
		ChangedKind.Publish(b.bus, Changed{"upserted", t})
	}
}

// Live is a task that is being done. Its fields are the board's mutex's.
type Live struct {
	board  *Board
	task   Task
	told   time.Time
	timer  *time.Timer // nil unless there is something to be told
	closed bool
}

// Move has change say how far the task is, and tells of it: at most once a second, and the last one in any case.
func (l *Live) Move(change func(*Task)) {
	l.board.mu.Lock()
	defer l.board.mu.Unlock()
	if l.closed {
		return
	}
	change(&l.task)
	l.task.UpdatedAt = time.Now().UnixMilli()
	if wait := moveEvery - time.Since(l.told); wait <= 0 {
		l.tell()
	} else if l.timer == nil {
		l.timer = time.AfterFunc(wait, l.late)
	}
}

// late tells what was held back.
func (l *Live) late() {
	l.board.mu.Lock()
	defer l.board.mu.Unlock()
	if !l.closed && l.timer != nil {
		l.tell()
	}
}

// tell publishes how the task is. The caller holds the board's mutex.
func (l *Live) tell() {
	l.stopTimer()
	l.told = time.Now()
	l.board.tell(l.task)
}

// End tells how the task has ended.
func (l *Live) End(t Task) {
	l.board.mu.Lock()
	defer l.board.mu.Unlock()
	l.close()
	l.board.tell(t)
}

// Close says that nothing follows, also where the task was left without an end: it is taken up again later.
func (l *Live) Close() {
	l.board.mu.Lock()
	defer l.board.mu.Unlock()
	l.close()
}

func (l *Live) close() {
	l.stopTimer()
	l.closed = true
	if l.board.live[l.task.ID] == l {
		delete(l.board.live, l.task.ID)
	}
}

func (l *Live) stopTimer() {
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
}
