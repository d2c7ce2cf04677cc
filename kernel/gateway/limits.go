package gateway

import (
	"time"

	"github.com/carapace-gateway/carapace/kernel/wire"
)

// Limits bound what clients can take. A zero field has the default that is written beside it.
type Limits struct {
	// MaxConnections bounds WebSockets.
	MaxConnections int // 16384, or half of the file descriptors that the process may have
	// MaxStrangers bounds the connections, of HTTP too, that auth has not let in.
	MaxStrangers int // 1024, or a quarter of the file descriptors
	// MaxPerIP bounds either for an address that is neither loopback nor a trusted proxy's.
	MaxPerIP int // 64
	// Handshake is the time from the upgrade to an accepted connect.
	Handshake time.Duration // 10 s
	// MaxHandshake bounds frames before connect, in bytes.
	MaxHandshake int64 // 64 KiB
	// MaxPayload3 and MaxPayload4 bound a client's frames, by protocol, in bytes.
	MaxPayload3 int64 // 512 KiB
	MaxPayload4 int64 // 25 MiB
	// MaxBuffered3 and MaxBuffered4 bound what waits to be sent to a connection, in bytes.
	MaxBuffered3 int64 // 1.5 MiB
	MaxBuffered4 int64 // 50 MiB
	// MaxQueued bounds the same in frames.
	MaxQueued int // 4096
	// Memory bounds what the answers that wait and the long requests of all connections hold together, in bytes.
	Memory int64 // 64 MiB
	// Rate and Burst bound the requests of a connection, in requests a second. Local admins are exempt.
	Rate  float64 // 60
	Burst int     // 120
	// InFlight bounds how many requests of a connection run at a time; the next is not read.
	InFlight int // 256
	// Handoff is how long a request runs before the next one starts beside it, at least.
	Handoff time.Duration // 2 ms
	Tick    time.Duration // 30 s
	// Ping is the silence after which a connection is pinged; after three of them it is closed.
	Ping time.Duration // 30 s
	// Write is how long a client that is written to may take nothing at all.
	Write time.Duration // 10 s
	// Drain is how long requests may finish when the gateway stops.
	Drain time.Duration // 2 s
}

// queue returns the bounds of what may wait to be sent to a client of this protocol, in frames and in bytes.
func (l Limits) queue(protocol int) (frames int, bytes int64) {
	if protocol >= wire.Protocol4 {
		return l.MaxQueued, l.MaxBuffered4
	}
	return l.MaxQueued, l.MaxBuffered3
}

// payload returns the bound of a client's frames in bytes.
func (l Limits) payload(protocol int) int64 {
	if protocol >= wire.Protocol4 {
		return l.MaxPayload4
	}
	return l.MaxPayload3
}

// Of requests that run beside others of their connection. See handoff.
const (
	fewBeside  = 4
	mostDouble = 9 // about a second
)

// handoff is how long a request runs before the next one starts beside it, with so many that run already. On a crowded machine
// each one after the first few has twice as long: who asks for much at once gets no larger part of the machine than others.
func (l *Limits) handoff(beside int, crowded bool) time.Duration {
	if !crowded || beside < fewBeside {
		return l.Handoff
	}
	return l.Handoff << min(beside-fewBeside+1, mostDouble)
}

// withDefaults fills in zero fields.
func (l Limits) withDefaults() Limits {
	files := descriptors()
	set(&l.MaxConnections, min(16384, files/2))
	set(&l.MaxStrangers, min(1024, files/4))
	set(&l.MaxPerIP, 64)
	set(&l.Handshake, 10*time.Second)
	set(&l.MaxHandshake, 64<<10)
	set(&l.MaxPayload3, 512<<10)
	set(&l.MaxPayload4, 25<<20)
	set(&l.MaxBuffered3, 1536<<10)
	set(&l.MaxBuffered4, 50<<20)
	set(&l.MaxQueued, 4096)
	set(&l.Memory, 64<<20)
	set(&l.Rate, 60)
	set(&l.Burst, 120)
	set(&l.InFlight, 256)
	set(&l.Handoff, 2*time.Millisecond)
	set(&l.Tick, 30*time.Second)
	set(&l.Ping, 30*time.Second)
	set(&l.Write, 10*time.Second)
	set(&l.Drain, 2*time.Second)
	return l
}

func set[T comparable](field *T, otherwise T) {
	if *field == *new(T) {
		*field = otherwise
	}
}
