package kernel_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/retry"
	"github.com/carapace-gateway/carapace/kernel/service/system"
	"github.com/carapace-gateway/carapace/wit"
)

// TestSetupWaitsForTheCompiler: the time of the test is the other side's, however long the plugin's first compilation takes.
func TestSetupWaitsForTheCompiler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := kerneltest.Echo("slow")
		var compiled atomic.Bool
		slow.Compile = func(ctx context.Context) error {
			if !compiled.Load() && !retry.Sleep(ctx, 25*time.Second) {
				return wit.Errorf(wit.CodeTimeout, "it was compiled for too short a time: %w", ctx.Err())
			}
			compiled.Store(true)
			return nil
		}
		l := kerneltest.Start(t, kerneltest.Plugin(slow)).Listen()
		on := true
		var done system.ConfigureResult
		l.MustCall("plugins.configure", system.Setup{ID: "slow", Enabled: &on, Test: true}, &done)
		if !done.OK || !done.Tested {
			t.Errorf("%+v", done)
		}
	})
}
