package plugin

import "sync"

// mailbox hands tasks to the one who works: the goroutine that attends it, and while there is none, whoever
// brings a task. At any time one goroutine runs tasks, in the order in which they came. The zero value
// is ready.
type mailbox struct {
	mu       sync.Mutex
	tasks    []func()
	attended bool
	busy     bool          // a task runs
	idle     chan struct{} // closed when no task runs any more; nil while nobody waits for that
	wake     chan struct{} // says to the one who attends that there are tasks
}

// post leaves a task and returns. It may be called by a task, whose own task then runs later.
func (m *mailbox) post(task func()) {
	m.mu.Lock()
	m.tasks = append(m.tasks, task)
	attended := m.attended
	if attended {
		select {
		case m.wake <- struct{}{}:
		default:
		}
	}
	m.mu.Unlock()
	if !attended {
		m.work()
	}
}

// do has a task run and waits until it has. A task must not call it.
func (m *mailbox) do(task func()) {
	done := make(chan struct{})
	m.post(func() {
		defer close(done)
		task()
	})
	<-done
}

// work runs the tasks that are there, unless somebody else does.
// The lock is not held while a task runs, so a task may post.
func (m *mailbox) work() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.busy {
		return
	}
	m.busy = true
	for len(m.tasks) > 0 {
		task := m.tasks[0]
		m.tasks = m.tasks[1:]
		m.mu.Unlock()
		task()
		m.mu.Lock()
	}
	m.busy = false
	if m.idle != nil {
		close(m.idle)
		m.idle = nil
	}
}

// attend makes the caller the one who works, as soon as nobody else does. wake says when to.
// It returns only when no task runs, so two goroutines never run tasks at once.
func (m *mailbox) attend() (wake <-chan struct{}) {
	m.mu.Lock()
	m.attended, m.wake = true, make(chan struct{}, 1)
	m.wake <- struct{}{} // for what is there already
	wake = m.wake
	if m.busy {
		idle := make(chan struct{})
		m.idle = idle
		m.mu.Unlock()
		<-idle
		m.mu.Lock()
	}
	m.mu.Unlock()
	return wake
}

// leave ends attend; what is still there is done first.
func (m *mailbox) leave() {
	m.mu.Lock()
	m.attended = false
	m.mu.Unlock()
	m.work()
}
