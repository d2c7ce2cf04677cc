package kernel

import (
	"context"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/hook"
	"github.com/carapace-gateway/carapace/wit"
)

// hookTimeout bounds what plugins may do while the gateway starts or stops.
const hookTimeout = 5 * time.Second

// started tells the plugins that the gateway is up; it does not make clients wait.
func (k *Kernel) started(ctx context.Context) {
	go func() {
		ctx, cancel := context.WithTimeout(ctx, hookTimeout)
		defer cancel()
		_, _ = hook.GatewayStart.Fire(ctx, k.hooks, wit.HookContext{}, hook.None{}) // Fire logs what failed
	}()
}

// stopping tells the plugins that the gateway is about to stop.
func (k *Kernel) stopping() {
	ctx, cancel := context.WithTimeout(context.Background(), hookTimeout)
	defer cancel()
	_, _ = hook.GatewayStop.Fire(ctx, k.hooks, wit.HookContext{}, hook.None{}) // Fire logs what failed
}
