package kernel

import (
	"context"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/hook"
	"github.com/carapace-gateway/carapace/wit"
)

// What plugins may do while the gateway starts or stops. Its end is to come within five seconds, whatever a plugin does,
// and requests that run have two of them.
const (
	startHooks = 5 * time.Second
	stopHooks  = time.Second
)

// storeTimeout bounds how long a probe waits for the store.
const storeTimeout = 2 * time.Second

// ready says why the gateway cannot serve now, for probes: nil from when every part has been started until the first of
// them is stopped, and while the store answers. What plugins or channels lack is not looked at, though all of
// them be down: clients are served all the same, and neither to start the gateway anew nor to send nobody there would
// bring a platform back. The answer names how each channel is, for who watches it.
func (k *Kernel) ready(ctx context.Context) error {
	if !k.up.Load() {
		return wit.NewError(wit.CodeUnavailable, "the gateway is starting or stopping")
	}
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	return k.state.answers(ctx)
}

// started tells the plugins that the gateway is up; it does not make clients wait.
func (k *Kernel) started(ctx context.Context) {
	go func() {
		ctx, cancel := context.WithTimeout(ctx, startHooks)
		defer cancel()
		_, _ = hook.GatewayStart.Fire(ctx, k.hooks, wit.HookContext{}, wit.GatewayStart{Version: k.o.Version}) // Fire logs what failed
	}()
}

// stopping tells the plugins that the gateway, which was up since then, is about to stop.
func (k *Kernel) stopping(since time.Time) {
	ctx, cancel := context.WithTimeout(context.Background(), stopHooks)
	defer cancel()
	ran := time.Since(since).Milliseconds()
	_, _ = hook.GatewayStop.Fire(ctx, k.hooks, wit.HookContext{}, wit.GatewayStop{Version: k.o.Version, Uptime: ran}) // Fire logs what failed
}
