package runtime

import (
	"sync"
	"sync/atomic"
	"testing"
)

// TestTurns: of many calls that compute for long only so many do at a time, each gets its turns, and short ones never
// wait.
func TestTurns(t *testing.T) {
	const places, calls, each = 2, 7, 20
	all := &turns{places: make(chan struct{}, places)}
	var computing, most, done atomic.Int64
	var wg sync.WaitGroup
	for range calls {
		wg.Go(func() {
			own := turn{turns: all}
			for n := range turnTicks * each {
				if own.tick(nil, nil); own.holding {
					if now := computing.Add(1); now > most.Load() {
						most.Store(now)
					}
					computing.Add(-1)
				} else if n >= turnTicks {
					t.Error("a long call computes without a place")
				}
			}
			own.giveUp()
			done.Add(1)
		})
	}
	wg.Wait()
	if most.Load() > places || len(all.places) != 0 || done.Load() != calls {
		t.Errorf("%d computed at a time, %d places are still held", most.Load(), len(all.places))
	}

	for range places {
		all.places <- struct{}{} // all are taken
	}
	short := turn{turns: all}
	for range 10 {
		for range turnTicks - 1 {
			short.tick(nil, nil)
		}
		short.giveUp() // the host works for it
	}
	for _, end := range []string{"given up", "killed"} {
		over := make(chan struct{})
		close(over)
		ended := turn{turns: all, ticks: turnTicks - 1}
		if end == "killed" {
			ended.tick(nil, over)
		} else {
			ended.tick(over, nil)
		}
		if ended.holding {
			t.Errorf("a call that is %s got a place", end)
		}
		ended.giveUp()
	}
	if len(all.places) != places {
		t.Errorf("%d places are held, want %d", len(all.places), places)
	}
}
