package crowd

import (
	"context"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/web"
)

// Registration is how an owner gives a platform the address of a gateway that is about to start: again and again, until the gateway
// answers for the account. The zero value has not begun. It may be used by several goroutines.
type Registration struct {
	mu   sync.Mutex
	stop context.CancelFunc
	done bool
}

// Begin has register called until it answers nil or the host is closed, in place of what was begun before.
func (r *Registration) Begin(host *web.Host, register func(context.Context) error) {
	ctx, cancel := context.WithCancel(host.Life)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stop != nil {
		r.stop()
	}
	r.stop, r.done = cancel, false
	host.Go(func() {
		for ctx.Err() == nil && register(ctx) != nil {
			host.Pause(20 * time.Millisecond)
		}
		r.mu.Lock()
		r.done = r.done || ctx.Err() == nil
		r.mu.Unlock()
		host.Raise()
	})
}

// Done reports whether the gateway has answered.
func (r *Registration) Done() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.done
}
