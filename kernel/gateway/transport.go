package gateway

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// transport is what the sockets of all connections share.
type transport struct {
	buffers
	memory         *memory
	patience       time.Duration // Limits.Write
	received, sent prometheus.Counter
}
