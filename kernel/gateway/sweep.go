package gateway

import (
	"context"
	"encoding/json"
	"time"

	"github.com/carapace-gateway/carapace/kernel/wire"
)

// sweepLoop sends ticks, pings and presence, and closes dead connections, for all of them on one timer.
func (g *Gateway) sweepLoop(ctx context.Context) {
	every := time.NewTicker(max(min(g.limits.Tick, g.limits.Ping)/30, 10*time.Millisecond))
	defer every.Stop()
	later := time.NewTimer(time.Hour)
	defer later.Stop()
	var last time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
			g.sweep(time.Now())
		case <-g.deps.Presence.changed:
			if wait := g.pace() - time.Since(last); wait > 0 {
				later.Reset(wait)
				continue
			}
			last = time.Now()
			g.announce()
		case <-later.C:
			last = time.Now()
			g.announce()
		}
	}
}

// pace is the least time between two presence events: with many connections each is costly and none is
// urgent.
func (g *Gateway) pace() time.Duration {
	return 250*time.Millisecond + time.Duration(g.count())*time.Millisecond
}

// announce sends the list of connected clients, in full to admins.
func (g *Gateway) announce() {
	for _, admin := range []bool{true, false} {
		list := g.deps.Presence.List(admin)
		g.tell("presence", wire.ScopeRead, wire.PresenceChanged{Presence: list}, func(c *conn) bool {
			return wire.Allows(c.caller.Role, c.caller.Scopes, wire.ScopeAdmin) == admin
		})
	}
}

// sweep sends ticks and pings to the connections whose time has come and closes the dead. Each
// connection's times count from its connect, so they do not come all at once.
func (g *Gateway) sweep(now time.Time) {
	var tick []byte
	var dead []*conn
	g.mu.RLock()
	for _, c := range g.conns {
		if now.After(c.nextTick) {
			c.nextTick = now.Add(g.limits.Tick)
			if tick == nil {
				payload, _ := json.Marshal(wire.Tick{Ts: now.UnixMilli()})
				tick = g.event("tick", payload)
			}
			c.send(frame{body: tick, event: true}, true)
		}
		silence := now.Sub(time.Unix(0, c.link.lastRead.Load()))
		if silence > 3*g.limits.Ping {
			dead = append(dead, c)
		} else if silence >= g.limits.Ping && now.After(c.nextPing) {
			c.nextPing = now.Add(g.limits.Ping)
			go c.ping()
		}
	}
	g.mu.RUnlock()
	for _, c := range dead {
		g.metrics.idle.Inc()
		go func() { _ = c.ws.CloseNow() }()
	}
}

// ping asks for a sign of life; the reader notes it, so the answer is not looked at here.
func (c *conn) ping() {
	ctx, cancel := context.WithTimeout(c.ctx, c.g.limits.Ping)
	defer cancel()
	_ = c.ws.Ping(ctx)
}
