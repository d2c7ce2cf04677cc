package runtime

import (
	"sync"
	"sync/atomic"
)

// stopwatch counts the processor time that a guest computes, in nanoseconds, whatever else the machine does meanwhile.
//
// Every tick counts as the plugin's mean interval, and one interval in thirty-two is measured: the processor time of the
// system's thread is read at both ends, where it is the same thread. What comes before a call's first tick was paid for
// when that came, most of it by earlier calls. So a call that is too short to tick costs nothing to measure, and the sum
// over many calls is right. A call that has its instance for itself is measured from end to end.
type stopwatch struct {
	sum      int64
	ticks    int    // that began an interval
	start    moment // of the call, if it is measured as a whole
	interval moment // of the interval under way, if it is measured
}

// moment is a thread's processor time, in nanoseconds. The zero value is none.
type moment struct {
	thread int
	at     int64
}

// since is the time from m to now, if it can be known.
func (m moment) since() (took int64, ok bool) {
	if m.at == 0 {
		return 0, false
	}
	now := threadTime()
	took = now.at - m.at
	return took, now.thread == m.thread && took >= 0
}

// begin begins a call that is measured as a whole.
func (s *stopwatch) begin() { s.start = threadTime() }

// tick ends an interval.
func (s *stopwatch) tick(mean *interval) {
	took, ok := s.interval.since()
	if ok {
		took = min(took, outlier*mean.get())
		mean.add(took)
	} else {
		took = mean.get()
	}
	s.sum += took
}

// outlier is how many means an interval counts as, at most: Go may have put somebody else on the thread in between.
const outlier = 4

// measureEvery is how many intervals one that is measured stands for.
const measureEvery = 32

// resume begins an interval.
func (s *stopwatch) resume() {
	if s.ticks++; s.ticks%measureEvery == 1 {
		s.interval = threadTime()
	} else {
		s.interval = moment{}
	}
}

// pause spoils an interval: the thread does something else meanwhile.
func (s *stopwatch) pause() { s.start, s.interval = moment{}, moment{} }

// total is what the call used so far.
func (s *stopwatch) total(mean *interval) int64 {
	if took, ok := s.start.since(); ok {
		return min(took, s.sum+mean.get())
	}
	return s.sum
}

// typicalInterval is a guess, in nanoseconds, until one was measured.
const typicalInterval = 20_000

// interval is the mean of what was added lately. The zero value is the guess. It is safe for concurrent use.
type interval struct {
	mu     sync.Mutex
	sum, n int64
	mean   atomic.Int64
}

func (i *interval) get() int64 {
	if v := i.mean.Load(); v != 0 {
		return v
	}
	return typicalInterval
}

// lately is how many measurements the mean is of, at most.
const lately = 512

func (i *interval) add(v int64) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.sum, i.n = i.sum+v, i.n+1; i.n == lately {
		i.sum, i.n = i.sum/2, i.n/2
	}
	i.mean.Store(i.sum / i.n)
}
