package delivery

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestALaneThatWasTakenOver looks at nothing any more, also where its timer has rung meanwhile: its messages are those
// of the other lane.
func TestALaneThatWasTakenOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var seen []string
		ready := false
		looked := func() []string {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(seen)
		}
		ls := newLanes(func(_ context.Context, item string, _ time.Time) step {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, item)
			if ready {
				return step{pop: true}
			}
			return step{wait: time.Hour}
		})
		ctx, cancel := context.WithCancel(t.Context())
		ls.start(ctx)
		ls.push("old\x00", "chat", "a")
		synctest.Wait()
		ls.push("new\x00", "chat", "b")
		synctest.Wait()
		late := ls.lanes["new\x00"]
		ls.rename("old\x00", "new\x00")
		mu.Lock()
		ready = true
		mu.Unlock()
		ls.ring(late)
		synctest.Wait()
		if want := []string{"a", "b"}; !slices.Equal(looked(), want) {
			t.Errorf("looked at %q, want %q", looked(), want)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if want := []string{"a", "b", "a", "b"}; !slices.Equal(looked(), want) {
			t.Errorf("looked at %q in the end, want %q", looked(), want)
		}
		cancel()
		ls.stop()
	})
}

// TestLanesAreForgotten once they have nothing and their spacing is over; what is to be done later is not looked at
// after the end.
func TestLanesAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		looks := 0
		steps := map[string]step{"now": {pop: true}, "spaced": {pop: true, notBefore: time.Now().Add(time.Hour)}, "later": {wait: time.Hour}}
		ls := newLanes(func(_ context.Context, item string, _ time.Time) step {
			mu.Lock()
			defer mu.Unlock()
			looks++
			return steps[item]
		})
		known := func() (keys []string) {
			synctest.Wait()
			for key := range ls.lanes {
				keys = append(keys, key)
			}
			slices.Sort(keys)
			return keys
		}
		ls.push("early", "chat", "now")
		if got := known(); len(got) != 1 || looks != 0 {
			t.Errorf("before the start: %q, %d looks", got, looks)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ls.start(ctx)
		for item := range steps {
			ls.push(item, "chat", item)
		}
		if got, want := known(), []string{"early", "later", "spaced"}; !slices.Equal(got, want) || len(ls.timers) != 1 {
			t.Errorf("%q are kept, with %d timers", got, len(ls.timers))
		}
		ls.unpark()
		if got, want := known(), []string{"later", "spaced"}; !slices.Equal(got, want) || looks != 4 {
			t.Errorf("after a change %q are kept, %d looks", got, looks)
		}
		time.Sleep(time.Hour)
		ls.unpark()
		if got, want := known(), []string{"later"}; !slices.Equal(got, want) || len(ls.timers) != 1 {
			t.Errorf("after an hour %q are kept, with %d timers", got, len(ls.timers))
		}
		before := looks
		cancel()
		ls.stop()
		ls.push("late", "chat", "now")
		time.Sleep(2 * time.Hour)
		if synctest.Wait(); looks != before {
			t.Errorf("%d looks after the end", looks-before)
		}
	})
}

// TestAWatchingLaneKeepsNoTimer: a change that ends its wait ends its timer too.
func TestAWatchingLaneKeepsNoTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		looks := 0
		ls := newLanes(func(context.Context, string, time.Time) step {
			mu.Lock()
			defer mu.Unlock()
			if looks++; looks == 1 {
				return step{wait: time.Hour, watch: true}
			}
			return step{wait: 3 * time.Hour}
		})
		ctx, cancel := context.WithCancel(t.Context())
		ls.start(ctx)
		ls.push("a", "chat", "x")
		synctest.Wait()
		ls.unpark()
		synctest.Wait()
		time.Sleep(2 * time.Hour)
		if synctest.Wait(); looks != 2 || len(ls.timers) != 1 {
			t.Errorf("%d looks, %d timers", looks, len(ls.timers))
		}
		cancel()
		ls.stop()
	})
}

// TestAMovedLaneKeepsItsWait: its timer goes with it, and that of the lane that it takes over is no more.
func TestAMovedLaneKeepsItsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var seen []string
		ls := newLanes(func(_ context.Context, item string, _ time.Time) step {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, item)
			if item == "b" && len(seen) == 2 {
				return step{wait: time.Hour}
			}
			if item == "a" && len(seen) == 1 {
				return step{wait: 2 * time.Hour}
			}
			return step{pop: true}
		})
		ctx, cancel := context.WithCancel(t.Context())
		ls.start(ctx)
		ls.push("old\x00", "chat", "a")
		synctest.Wait()
		ls.push("new\x00", "chat", "b")
		synctest.Wait()
		ls.rename("old\x00", "new\x00")
		if synctest.Wait(); len(ls.timers) != 1 || len(ls.lanes) != 1 || ls.timers["new\x00"] == nil {
			t.Errorf("%d timers, %d lanes", len(ls.timers), len(ls.lanes))
		}
		time.Sleep(time.Hour)
		if synctest.Wait(); len(seen) != 2 {
			t.Errorf("looked at %q too early", seen)
		}
		time.Sleep(time.Hour)
		if synctest.Wait(); !slices.Equal(seen, []string{"a", "b", "a", "b"}) || len(ls.lanes) != 0 {
			t.Errorf("looked at %q, %d lanes are left", seen, len(ls.lanes))
		}
		cancel()
		ls.stop()
	})
}
