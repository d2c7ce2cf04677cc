package delivery

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
)

// TestALaneThatWasTakenOver looks at nothing any more, also where its timer has rung meanwhile: its messages are those
// of the other lane.
func TestALaneThatWasTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ready := false
		l := &looker{answer: func(int, string) step {
			if ready {
				return step{pop: true}
			}
			return step{wait: time.Hour}
		}}
		ls := newLanes(l.look)
		ctx, cancel := context.WithCancel(t.Context())
		ls.start(ctx)
		ls.push("old\x00", "chat", "a")
		synctest.Wait()
		ls.push("new\x00", "chat", "b")
		synctest.Wait()
		late := ls.lanes["new\x00"]
		ls.rename("old\x00", "new\x00")
		synctest.Wait()
		ready = true
		ls.ring(late)
		if want := []string{"a", "b"}; !slices.Equal(l.looked(), want) {
			t.Errorf("looked at %q, want %q", l.looked(), want)
		}
		time.Sleep(time.Hour)
		if want := []string{"a", "b", "a", "b"}; !slices.Equal(l.looked(), want) {
			t.Errorf("looked at %q in the end, want %q", l.looked(), want)
		}
		cancel()
		ls.stop()
	})
}

// looker notes what it is asked about, and answers with a step by the number of the look and the item. It panics when it
// is asked again and again.
type looker struct {
	answer func(n int, item string) step

	mu   sync.Mutex
	seen []string
}

func (l *looker) look(_ context.Context, item string, _ time.Time) step {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seen = append(l.seen, item); len(l.seen) > 1000 {
		panic("looked at too often")
	}
	return l.answer(len(l.seen), item)
}

// looked waits until nothing goes on, and returns what was seen.
func (l *looker) looked() []string {
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.seen)
}

// kept waits until nothing goes on, and returns the lanes that are known and those that have a timer.
func kept(ls *lanes) (known, timed []string) {
	synctest.Wait()
	ls.mu.Lock()
	defer ls.mu.Unlock()
	return slices.Sorted(maps.Keys(ls.lanes)), slices.Sorted(maps.Keys(ls.timers))
}

// TestLanesAreForgotten once they have nothing and their spacing is over; what is to be done later is not looked at
// after the end.
func TestLanesAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		steps := map[string]step{"now": {pop: true}, "spaced": {pop: true, notBefore: time.Now().Add(time.Hour)}, "later": {wait: time.Hour}}
		l := &looker{answer: func(_ int, item string) step { return steps[item] }}
		ls := newLanes(l.look)
		want := func(when, lanes, timers string, looks int) {
			t.Helper()
			known, timed := kept(ls)
			if strings.Join(known, " ") != lanes || strings.Join(timed, " ") != timers || len(l.looked()) != looks {
				t.Errorf("%s: %q are kept, %q with timers, and %q was looked at", when, known, timed, l.looked())
			}
		}
		ls.push("early", "chat", "now")
		want("before the start", "early", "", 0)
		ctx, cancel := context.WithCancel(t.Context())
		ls.start(ctx)
		for item := range steps {
			ls.push(item, "chat", item)
		}
		want("at first", "early later spaced", "later", 3)
		ls.unpark()
		want("after a change", "later spaced", "later", 4)
		time.Sleep(time.Hour)
		ls.unpark()
		want("after an hour", "later", "later", 5)
		cancel()
		ls.stop()
		ls.push("late", "chat", "now")
		time.Sleep(2 * time.Hour)
		if got := l.looked(); len(got) != 5 {
			t.Errorf("looked at %q after the end", got[5:])
		}
	})
}

// TestAWatchingLaneKeepsNoTimer: a change that ends its wait ends its timer too.
func TestAWatchingLaneKeepsNoTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &looker{answer: func(n int, _ string) step {
			if n == 1 {
				return step{wait: time.Hour, watch: true}
			}
			return step{wait: 3 * time.Hour}
		}}
		ls := newLanes(l.look)
		ctx, cancel := context.WithCancel(t.Context())
		ls.start(ctx)
		ls.push("a", "chat", "x")
		synctest.Wait()
		ls.unpark()
		synctest.Wait()
		time.Sleep(2 * time.Hour)
		if _, timed := kept(ls); len(l.looked()) != 2 || len(timed) != 1 {
			t.Errorf("%d looks, timers of %q", len(l.looked()), timed)
		}
		cancel()
		ls.stop()
	})
}

// TestALaneThatDoesNotWaitKeepsNoTimer, however its wait has ended: with its time, with a change, or in another lane that
// waits for its account.
func TestALaneThatDoesNotWaitKeepsNoTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spaced := step{pop: true, notBefore: time.Now().Add(24 * time.Hour)} // so that the lane itself is kept
		l := &looker{answer: func(n int, _ string) step {
			return []step{{wait: time.Hour}, spaced, {wait: time.Hour, watch: true}, spaced, {park: errGone}, {wait: time.Hour}}[n-1]
		}}
		ls := newLanes(l.look)
		want := func(when string, lanes ...string) {
			t.Helper()
			if known, timed := kept(ls); !slices.Equal(known, lanes) || len(timed) != 0 {
				t.Errorf("%s: lanes %q, timers of %q", when, known, timed)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		ls.start(ctx)
		ls.push("time", "chat", "a")
		time.Sleep(time.Hour)
		want("after its time", "time")
		ls.push("change", "chat", "b")
		synctest.Wait()
		ls.unpark()
		want("after a change", "change", "time")
		ls.push("old\x00", "chat", "c")
		synctest.Wait()
		ls.push("new\x00", "chat", "d")
		synctest.Wait()
		ls.rename("old\x00", "new\x00")
		want("after a move", "change", "new\x00", "time")
		cancel()
		ls.stop()
	})
}

// TestMovesAreHandedOverOnce, in their order.
func TestMovesAreHandedOverOnce(t *testing.T) {
	q := NewQueue()
	storetest.Update(t, store.OpenMemory(), func(tx store.Tx) error {
		return errors.Join(q.Moved(tx, message.Move{From: "a"}), q.Moved(tx, message.Move{From: "b"}))
	})
	if got := q.moved(); len(got) != 2 || got[0].From != "a" || len(q.moved()) != 0 {
		t.Errorf("moves %+v", got)
	}
}

// TestAMovedLaneKeepsItsWait: its timer goes with it, and that of the lane that it takes over is no more.
func TestAMovedLaneKeepsItsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &looker{answer: func(n int, _ string) step {
			return []step{{wait: 2 * time.Hour}, {wait: time.Hour}, {pop: true}, {pop: true}}[n-1]
		}}
		ls := newLanes(l.look)
		ctx, cancel := context.WithCancel(t.Context())
		ls.start(ctx)
		ls.push("old\x00", "chat", "a")
		synctest.Wait()
		ls.push("new\x00", "chat", "b")
		synctest.Wait()
		ls.rename("old\x00", "new\x00")
		if known, timed := kept(ls); len(known) != 1 || !slices.Equal(timed, []string{"new\x00"}) {
			t.Errorf("lanes %q, timers of %q", known, timed)
		}
		time.Sleep(time.Hour)
		if got := l.looked(); len(got) != 2 {
			t.Errorf("looked at %q too early", got)
		}
		time.Sleep(time.Hour)
		if known, _ := kept(ls); len(known) != 0 || !slices.Equal(l.looked(), []string{"a", "b", "a", "b"}) {
			t.Errorf("looked at %q, and %q are left", l.looked(), known)
		}
		cancel()
		ls.stop()
	})
}

// TestALaneThatWaitsForASlot has no goroutine meanwhile, gets its slot in the order of asking, and none after the end.
func TestALaneThatWaitsForASlot(t *testing.T) {
	const many = 500
	for name, ends := range map[string]bool{"all are sent": false, "it ends": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				answer := make(chan struct{})
				var mu sync.Mutex
				var seen []string
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				ls := newLanes(func(ctx context.Context, item string, _ time.Time) step {
					mu.Lock()
					seen = append(seen, item)
					mu.Unlock()
					select {
					case <-answer:
						time.Sleep(time.Second) // so that as many looks as there are slots begin at a time
					case <-ctx.Done():
					}
					return step{pop: true}
				})
				ls.start(ctx)
				before := runtime.NumGoroutine()
				for n := range many {
					for part := range 2 {
						ls.push(fmt.Sprint("k", n), "chat", fmt.Sprint(n, "/", part))
					}
				}
				synctest.Wait()
				if n := runtime.NumGoroutine() - before; n > 2*slotsPerChannel {
					t.Errorf("%d goroutines for %d conversations", n, many)
				}
				if len(seen) != slotsPerChannel {
					t.Errorf("%d looks at a time", len(seen))
				}
				want := 2 * many
				if ends {
					cancel()
					want = slotsPerChannel
				} else {
					close(answer)
				}
				time.Sleep(time.Hour)
				synctest.Wait()
				ls.stop()
				if len(seen) != want {
					t.Errorf("%d looks, want %d", len(seen), want)
				}
				if n := len(ls.lanes); !ends && n != 0 {
					t.Errorf("%d lanes are kept", n)
				}
				for at := 0; at+slotsPerChannel <= min(len(seen), many); at += slotsPerChannel {
					batch := seen[at : at+slotsPerChannel]
					for n := range slotsPerChannel {
						if want := fmt.Sprint(at+n, "/0"); !slices.Contains(batch, want) {
							t.Fatalf("the looks after %d others are at %q, want %s", at, batch, want)
						}
					}
				}
				for n := range slotsPerChannel { // all are there again
					if !ls.slotsOf("chat").Try(inTurn) {
						t.Errorf("slot %d is lost", n)
					}
				}
			})
		})
	}
}
