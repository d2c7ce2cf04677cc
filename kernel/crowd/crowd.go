// Package crowd keeps a gateway quick on a machine that has more to do than it can, and knows when that is so.
//
// Go runs goroutines on as many threads at a time as there are processors. Where other processes want the processors too, the system
// takes one from such a thread for some milliseconds, in the middle of its work, and what has queued behind that thread, or has come
// over the network, waits with it although another thread could go on. A few threads more than processors leave nothing behind
// one that stands still. They cost a little where nobody else wants anything, so they are there only while goroutines wait.
package crowd

import (
	"context"
	"math"
	"os"
	"runtime"
	"runtime/metrics"
	"sync/atomic"
	"time"
)

// A machine is crowded while, of what wants to run in a period, one in crowdedShare waits longer than waitLong; a few waits say
// nothing. It is calm again after so many periods without that.
const (
	period       = time.Second
	waitLong     = time.Millisecond
	leastWaits   = 50
	crowdedShare = 20
	calmPeriods  = 10
)

// threads is how many run at a time in a crowd where so many did before.
func threads(before int) int { return before + min(2*before, 8) }

// waits are how often goroutines have waited for their turn since the process began.
type waits struct{ all, long uint64 }

// readWaits asks Go.
func readWaits() (w waits) {
	s := []metrics.Sample{{Name: "/sched/latencies:seconds"}}
	metrics.Read(s)
	h := s[0].Value.Float64Histogram()
	for i, n := range h.Counts {
		w.all += n
		if from := h.Buckets[i]; from >= waitLong.Seconds() && !math.IsInf(from, -1) {
			w.long += n
		}
	}
	return w
}

// crowded reports whether there was too much to do since before.
func (w waits) crowded(before waits) bool {
	long := w.long - before.long
	return long >= leastWaits && long*crowdedShare >= w.all-before.all
}

// Crowd is whether there is one. It is safe for concurrent use; the zero value is none, and stays it.
type Crowd struct{ there atomic.Bool }

// There reports whether there has been a crowd in the last seconds. It costs nothing.
func (c *Crowd) There() bool { return c.there.Load() }

// keeper decides how many threads run at a time. It is one goroutine's.
type keeper struct {
	*Crowd
	seen   waits
	before int // how many threads there were before the crowd that is there
	calm   int // periods
	// threads sets how many run, and returns how many did, as runtime.GOMAXPROCS does.
	threads func(n int) int
}

// look is called after each period.
func (k *keeper) look(now waits) {
	crowded := now.crowded(k.seen)
	k.seen = now
	if k.calm++; crowded {
		k.calm = 0
	}
	switch {
	case crowded && !k.There():
		k.there.Store(true)
		k.before = k.threads(0)
		k.threads(threads(k.before))
	case k.There() && k.calm >= calmPeriods:
		k.there.Store(false)
		k.threads(k.before)
	}
}

// unchanged are threads whose number stays as it is.
func unchanged(int) int { return 0 }

// Keep has more threads run whenever the machine is crowded, until ctx ends, unless the environment says how many by GOMAXPROCS. It
// is called once, and returns at once.
func Keep(ctx context.Context) *Crowd {
	k := &keeper{Crowd: new(Crowd), seen: readWaits(), threads: runtime.GOMAXPROCS} // which stops the process for some microseconds
	if os.Getenv("GOMAXPROCS") != "" {
		k.threads = unchanged
	}
	go func() {
		tick := time.NewTicker(period)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				k.look(readWaits())
			}
		}
	}()
	return k.Crowd
}
