package runtime

import "time"

// clock counts nanoseconds since an engine was made. It only goes forward, and reading it is cheaper than
// reading the time of day.
type clock struct{ epoch time.Time }

// newClock starts a clock. It never shows 0, with which a guest that is written in Go does not start.
func newClock() clock { return clock{time.Now().Add(-time.Nanosecond)} }

func (c clock) now() int64 { return int64(time.Since(c.epoch)) }

// time is the moment at of this clock.
func (c clock) time(at int64) time.Time { return c.epoch.Add(time.Duration(at)) }
