package task_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/service/task"
)

// told gives what a board tells, each as status:progress, since the last call.
func told() (b *task.Board, since func() string) {
	bus := new(event.Bus)
	var all []string
	task.ChangedKind.Subscribe(bus, func(c task.Changed) { all = append(all, c.Task.Status+":"+c.Task.Progress) })
	return task.NewBoard(bus), func() string {
		s := strings.Join(all, " ")
		all = nil
		return s
	}
}

func step(n int) func(*task.Task) {
	return func(t *task.Task) { t.Progress = fmt.Sprint(n) }
}

// TestMovesAreToldOnceASecond, the last one too; the beginning and the end at once.
func TestMovesAreToldOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, since := told()
		running, ended := task.Task{ID: "a", Status: "running"}, task.Task{ID: "a", Status: "completed"}
		l := b.Begin(running)
		for i := range 10 {
			l.Move(step(i))
		}
		if got := since(); got != "running:" {
			t.Errorf("at once: %s", got)
		}
		if got := b.With(running); got.Progress != "9" || got.UpdatedAt != time.Now().UnixMilli() {
			t.Errorf("who asks is told %+v", got)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if got := since(); got != "running:9" {
			t.Errorf("after a second: %s", got)
		}
		time.Sleep(time.Minute)
		l.Move(step(10))
		l.Move(step(11))
		if got := since(); got != "running:10" {
			t.Errorf("after a minute: %s", got)
		}
		l.End(ended)
		time.Sleep(time.Minute)
		l.Move(step(12))
		if got := since(); got != "completed:" {
			t.Errorf("at the end: %s", got)
		}
		if got := b.With(running); got.Progress != "" {
			t.Errorf("what has ended goes on: %+v", got)
		}
	})
}

// TestATaskThatIsLeft says nothing more, and is taken up again.
func TestATaskThatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, since := told()
		running := task.Task{ID: "a", Status: "running"}
		before := b.Begin(running)
		before.Move(step(1))
		again := b.Begin(running)
		before.Close()
		before.Move(step(2))
		again.Move(step(3))
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := since(); got != "running: running: running:3" {
			t.Error(got)
		}
		if got := b.With(task.Task{ID: "a", Status: "queued"}); got.Progress != "" {
			t.Errorf("as it is in the store, it is not begun: %+v", got)
		}
		again.Close()
	})
}

// TestWhatWaitsIsNotToldAfterItsBeginning: a look that comes late finds that it has begun.
func TestWhatWaitsIsNotToldAfterItsBeginning(t *testing.T) {
	b, since := told()
	status := "queued"
	find := func() (task.Task, bool) { return task.Task{ID: "a", Status: status}, status == "queued" }
	b.Wait(find)
	status = "running"
	b.Begin(task.Task{ID: "a", Status: status}).Close()
	b.Wait(find)
	b.End(task.Task{ID: "b", Status: "cancelled"})
	if got := since(); got != "queued: running: cancelled:" {
		t.Error(got)
	}
}
