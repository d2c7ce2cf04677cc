package gateway

import "time"

// Sweep is a turn of the sweeper at a moment of the test's, beside its own turns.
func (g *Gateway) Sweep(now time.Time) { g.sweeper.sweep(now) }
