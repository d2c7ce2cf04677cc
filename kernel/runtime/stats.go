package runtime

import (
	"sync/atomic"
	"time"
)

// Stats are a pool's figures since it was made.
type Stats struct {
	Calls     int64         // ended
	Errors    int64         // of which failed
	Instances int64         // made
	Discarded int64         // of which ended by a trap, a deadline or an exit
	Alive     int           // now
	Idle      int           // of which wait for a call
	Memory    int64         // bytes that they hold; see Config.Memory
	Ticks     int64         // of 65,536 metered steps each
	GuestTime time.Duration // processor time of the guest's code, its start included; see stopwatch
	HostTime  time.Duration // by the clock, in host functions
}

// counters add up what the calls of a pool cost. They are safe for concurrent use.
type counters struct {
	calls, errors, instances, discarded, ticks, guest, host atomic.Int64
}

// add counts a call that ended.
func (c *counters) add(u usage, err error) {
	c.calls.Add(1)
	if err != nil {
		c.errors.Add(1)
	}
	if u.guest > 0 {
		c.guest.Add(u.guest)
	}
	if u.host > 0 {
		c.host.Add(u.host)
	}
	if u.broken {
		c.discarded.Add(1)
	}
	if u.ticks > 0 {
		c.ticks.Add(u.ticks)
	}
}

func (c *counters) stats(alive, idle int, memory int64) Stats {
	return Stats{Calls: c.calls.Load(), Errors: c.errors.Load(), Instances: c.instances.Load(), Discarded: c.discarded.Load(),
		Alive: alive, Idle: idle, Memory: memory, Ticks: c.ticks.Load(), GuestTime: time.Duration(c.guest.Load()), HostTime: time.Duration(c.host.Load())}
}
