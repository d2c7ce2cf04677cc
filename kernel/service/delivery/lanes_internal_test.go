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
