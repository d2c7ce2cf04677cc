package runtime_test

import (
	"context"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/runtime"
	"github.com/carapace-gateway/carapace/wit"
)

// used is the processor time of this process.
func used() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestGuestTimeIsProcessorTime has more guests compute than there are processors, so that each waits most of the time:
// in long calls, in short ones, and in instances of their own. By the clock they would take several times what the
// process uses.
func TestGuestTimeIsProcessorTime(t *testing.T) {
	const guests = 8
	e := newEngine(t, runtime.Config{})
	busy := &builder{}
	busy.fn("long", nil, op(i32), nil, loop(), ci32(0))
	busy.fn("short", nil, op(i32), op(i32), op(0x03, 0x40), get(0), ci32(1), op(0x6a), tee(0), ci32(60_000), op(0x48, 0x0d, 0, 0x0b), ci32(0))
	for _, c := range []struct {
		name, export string
		mode         runtime.Mode
	}{{"long calls", "long", runtime.Warm}, {"short calls", "short", runtime.Warm}, {"instances of their own", "short", runtime.Fresh}} {
		t.Run(c.name, func(t *testing.T) {
			p := newPool(t, e, busy.bytes(), runtime.Spec{Mode: c.mode, Limits: runtime.Limits{Deadline: 600 * time.Millisecond, Instances: guests}})
			before := used()
			until := time.Now().Add(600 * time.Millisecond)
			var group sync.WaitGroup
			for range guests {
				group.Go(func() {
					for time.Now().Before(until) {
						if _, err := p.Call(context.Background(), c.export, nil); err != nil && wit.CodeOf(err) != wit.CodeTimeout {
							t.Error(err)
						}
					}
				})
			}
			group.Wait()
			all, guest := used()-before, p.Stats().GuestTime
			t.Logf("the guests' %v of the process's %v", guest, all)
			if guest > all+all/2 || c.mode == runtime.Warm && guest < all/10 || guest == 0 {
				t.Errorf("the guests are said to have used %v of the process's %v", guest, all)
			}
		})
	}
}
