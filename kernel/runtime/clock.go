package runtime

import "time"

// clock counts nanoseconds since an engine was made. It only goes forward, and reading it is cheaper than
// reading the time of day.
type clock struct{ epoch time.Time }

func (c clock) now() int64 { return int64(time.Since(c.epoch)) }

// time is the moment at of this clock.
func (c clock) time(at int64) time.Time { return c.epoch.Add(time.Duration(at)) }
