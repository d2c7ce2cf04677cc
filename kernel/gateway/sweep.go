package gateway

import (
	"context"
	"encoding/json"
	"time"

	"github.com/carapace-gateway/carapace/kernel/wire"
)

// sweeper is the one timer of all connections. After the handshake only its loop
// reads and writes their nextTick and nextPing.
type sweeper struct {
	limits    Limits
	members   *members
	presence  *Presence
	broadcast *broadcaster
	metrics   *metrics
}

// run sends ticks, pings and presence, and closes dead connections, for all of them on one timer.
func (s *sweeper) run(ctx context.Context) {
	every := time.NewTicker(max(min(s.limits.Tick, s.limits.Ping)/30, 10*time.Millisecond))
	defer every.Stop()
	later := time.NewTimer(time.Hour)
	defer later.Stop()
	var last time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
			s.sweep(time.Now())
		case <-s.presence.changed:
			if wait := s.pace() - time.Since(last); wait > 0 {
				later.Reset(wait) // what changes until then is announced with it
				continue
			}
			last = time.Now()
			s.broadcast.announce()
		case <-later.C:
			last = time.Now()
			s.broadcast.announce()
		}
	}
}

// pace is the least time between two presence events: with many connections each is costly and none is
// urgent.
func (s *sweeper) pace() time.Duration {
	return 250*time.Millisecond + time.Duration(s.members.count())*time.Millisecond
}

// sweep sends ticks and pings to the connections whose time has come and closes the dead. Each
// connection's times count from its connect, so they do not come all at once.
func (s *sweeper) sweep(now time.Time) {
	var tick []byte
	var dead []*conn
	s.members.each(nil, func(c *conn) {
		if now.After(c.nextTick) {
			c.nextTick = now.Add(s.limits.Tick)
			if tick == nil {
				payload, _ := json.Marshal(wire.Tick{Ts: now.UnixMilli()})
				tick = s.broadcast.event(tickKind.Name, payload)
			}
			c.send(frame{body: tick, event: true}, tickKind.DropIfSlow)
		}
		silence := now.Sub(time.Unix(0, c.link.lastRead.Load()))
		if silence > 3*s.limits.Ping {
			dead = append(dead, c)
		} else if silence >= s.limits.Ping && now.After(c.nextPing) {
			c.nextPing = now.Add(s.limits.Ping)
			go c.ping()
		}
	})
	// Without a close frame: nobody is there to read it.
	for _, c := range dead {
		s.metrics.idle.Inc()
		go func() { _ = c.ws.CloseNow() }()
	}
}
