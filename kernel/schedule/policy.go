package schedule

import (
	"sync/atomic"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// Policy says what becomes of due times at which a job could not run. A job whose runs overlap never runs twice at a
// time.
type Policy struct {
	// CatchUp is about those that were missed; empty is CatchUpOnce.
	CatchUp CatchUp `json:"catchUp,omitempty"`
	// CatchUpMax is how many of the latest missed ones CatchUpAll runs, at most MaxCatchUp; 0 is DefaultCatchUp.
	CatchUpMax int `json:"catchUpMax,omitempty"`
	// Overlap is about one that comes while the job still runs; empty is OverlapSkip.
	Overlap Overlap `json:"overlap,omitempty"`
}

// CatchUp says what becomes of due times that were missed: they passed more than a minute before the gateway started or
// woke up.
type CatchUp string

// What can become of due times that were missed.
const (
	CatchUpSkip CatchUp = "skip" // none runs, and the history says so
	CatchUpOnce CatchUp = "once" // one run stands for all
	CatchUpAll  CatchUp = "all"  // each runs, one after the other, the earliest first; see Policy.CatchUpMax
)

// Bounds of Policy.CatchUpMax.
const (
	DefaultCatchUp = 10
	MaxCatchUp     = 100
)

// Overlap says what becomes of a due time that comes while the job still runs. What is missed and is to be run waits in
// any case.
type Overlap string

// What can become of a due time that comes too early.
const (
	OverlapSkip  Overlap = "skip"  // it does not run, and the history says so
	OverlapQueue Overlap = "queue" // it runs when the job has ended; those that come while it waits are left out
)

func (p Policy) check() error {
	switch {
	case p.CatchUp != "" && p.CatchUp != CatchUpSkip && p.CatchUp != CatchUpOnce && p.CatchUp != CatchUpAll:
		return wit.Errorf(wit.CodeInvalid, "what becomes of missed times is skip, once or all, not %.20q", p.CatchUp)
	case p.Overlap != "" && p.Overlap != OverlapSkip && p.Overlap != OverlapQueue:
		return wit.Errorf(wit.CodeInvalid, "what becomes of a time that comes while the job runs is skip or queue, not %.20q", p.Overlap)
	case p.CatchUpMax < 0 || p.CatchUpMax > MaxCatchUp:
		return wit.Errorf(wit.CodeInvalid, "at most %d missed times are run", MaxCatchUp)
	case p.CatchUpMax != 0 && p.CatchUp != CatchUpAll:
		return wit.NewError(wit.CodeInvalid, "how many missed times are run is said only where all are")
	}
	return nil
}

// latest is how many missed times are run.
func (p Policy) latest() int {
	if p.CatchUpMax == 0 {
		return DefaultCatchUp
	}
	return p.CatchUpMax
}

// missedAfter is how long before a start, or the end of a sleep, a due time may have been and is still only late: a
// restart takes its time.
const missedAfter = time.Minute

// watch is since when due times have been looked at without a gap, in Unix milliseconds; 0 is never. The zero value is
// ready.
type watch struct{ since atomic.Int64 }

// look notes a look at the clock that comes after another one. The machine slept between two that are far apart, and
// a clock that was put back shows times at which nothing was due yet.
func (w *watch) look(last, now time.Time) {
	if since := w.since.Load(); since == 0 || now.UnixMilli() < since || now.Sub(last) > longestSleep+missedAfter {
		w.since.Store(now.UnixMilli())
	}
}

// horizon is the end of the times that were missed.
func (w *watch) horizon() int64 { return w.since.Load() - missedAfter.Milliseconds() }
