package plugin

import (
	"sync"
	"testing"
)

// TestMailbox has many bring tasks while somebody comes to attend and leaves again: each task runs once,
// none beside another, and those of one sender in order.
func TestMailbox(t *testing.T) {
	for range 50 {
		m := &mailbox{}
		inside, ran := 0, map[int]int{}
		stop := make(chan struct{})
		var senders, worker sync.WaitGroup
		worker.Go(func() {
			wake := m.attend()
			defer m.leave()
			for {
				select {
				case <-wake:
					m.work()
				case <-stop:
					return
				}
			}
		})
		for sender := range 4 {
			senders.Go(func() {
				for n := range 50 {
					task := func() {
						if inside++; inside != 1 {
							t.Error("two tasks at a time")
						}
						if ran[sender] != n {
							t.Errorf("task %d of %d runs after %d others", n, sender, ran[sender])
						}
						ran[sender]++
						m.post(func() { ran[-1]++ }) // a task may post
						inside--
					}
					if n%3 == 0 {
						m.do(task)
					} else {
						m.post(task)
					}
				}
			})
		}
		senders.Wait()
		close(stop)
		worker.Wait()
		if ran[-1] != 200 {
			t.Fatalf("%d tasks ran, want 200", ran[-1])
		}
	}
}
