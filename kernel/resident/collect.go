package resident

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// How much the heap grows before garbage is collected: by half, which is half of Go's default, since a gateway idles most of the time
// and memory counts for more than the collector's time; but by 16 MB at least, since a heap as small as a gateway's would else be
// collected a hundred times a second under load, on all processors.
const (
	growth      = 50 // percent
	leastGrowth = 16 << 20
	mostGrowth  = 400 // percent, of a heap that is next to nothing
)

// When the gateway rests, its garbage is given back to the system: when less than atRest was allocated in a restPeriod, and there is
// enough of it to be worth a collection, which costs as much as is live.
const (
	restPeriod   = 2 * time.Second
	atRest       = 256 << 10
	leastGarbage = 2 << 20
	// longRest is how many restPeriods the gateway has rested when it gives back also what it kept to be faster.
	longRest = 15
)

// growthAfter is by how many percent a heap may grow of which so many bytes were live at the last collection.
func growthAfter(live uint64) int {
	return int(min(max(growth, leastGrowth*100/max(live, 1)), mostGrowth))
}

// heap is what Go tells of it, in bytes.
type heap struct {
	live      uint64 // at the last collection
	objects   uint64 // with the garbage since then
	free      uint64 // that the system has not back yet
	allocated uint64 // since the process began
}

func readHeap() heap {
	s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/free:bytes"}, {Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(s)
	return heap{s[0].Value.Uint64(), s[1].Value.Uint64(), s[2].Value.Uint64(), s[3].Value.Uint64()}
}

// littered reports whether there is memory to give back while nobody asks for more, by what the heap was a restPeriod before.
func (h heap) littered(before heap) bool {
	return h.allocated-before.allocated < atRest && h.objects+h.free > h.live+max(leastGarbage, h.live/8)
}

// collector keeps Go's collector at growthAfter. Its method is called by one goroutine at a time.
type collector struct {
	growth int // that is set
}

// Keep has garbage collected as a gateway needs it, until the process ends, unless the environment says when by GOGC: by Go's default
// a heap as small as this one would be collected all the time under load. It is called once.
func Keep() {
	if os.Getenv("GOGC") == "" {
		new(collector).collected()
	}
}

// collected is called after each collection: what it makes here is garbage, which the next one finds.
func (c *collector) collected() {
	// To set it stops the process for a moment, which a small change is not worth.
	if next := growthAfter(readHeap().live); 8*max(next-c.growth, c.growth-next) > c.growth {
		debug.SetGCPercent(next)
		c.growth = next
	}
	runtime.AddCleanup(new([64]byte), (*collector).collected, c)
}

// Rest gives what is not needed back to the system whenever the gateway comes to rest, until ctx ends: garbage, as after the
// start, and then what Trim does, which it does again every half minute, since what little goes on has pages read. When it has rested for
// half a minute, forget is called first, once until it does something again: it drops what is kept only to be faster. Rest is called once.
func Rest(ctx context.Context, forget func()) {
	tick := time.NewTicker(restPeriod)
	defer tick.Stop()
	var r resting
	for r.before = readHeap(); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		forgets, collects := r.next(readHeap())
		if forgets {
			forget()
		}
		if collects {
			debug.FreeOSMemory()
		}
		if collects || r.periods > 0 && r.periods%longRest == 0 {
			Trim()
			r.before = readHeap()
		}
	}
}

// resting is for how long the gateway has rested, in periods, and what the heap was at the end of the last one.
type resting struct {
	before  heap
	periods int
}

// next reports, for the heap at the end of a further period, whether what is kept to be faster is to be forgotten, and whether
// garbage is to be collected.
func (r *resting) next(now heap) (forgets, collects bool) {
	if now.allocated-r.before.allocated < atRest {
		r.periods++
	} else {
		r.periods = 0
	}
	forgets = r.periods == longRest
	collects = forgets || now.littered(r.before)
	r.before = now
	return forgets, collects
}
