package runtime

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestTicksLookNowAndThen: a tick looks when time has passed since the last look, or many ticks, and the first one not.
func TestTicksLookNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &call{plugin: &plugin{clock: newClock(), killed: t.Context(), limits: Limits{Deadline: time.Hour}}, ctx: context.Background()}
		look := func() bool {
			c.ticks++
			return c.due()
		}
		looks := 0
		for range 4 * lookTicks {
			if look() {
				looks++
			}
		}
		if looks != 4 {
			t.Errorf("%d looks while time stands still, want 4", looks)
		}
		if time.Sleep(lookAfter - time.Microsecond); look() {
			t.Error("a look that is too early")
		}
		if time.Sleep(time.Microsecond); !look() || look() {
			t.Error("no look, or another one, when it is due")
		}
	})
}
