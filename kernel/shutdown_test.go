package kernel_test

import (
	"bytes"
	"context"
	"runtime"
	"runtime/pprof"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// TestStopWaitsForNobody: not for a model that does not answer, for a poll that is under way, or for a time to come.
func TestStopWaitsForNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked := make(chan struct{})
		silent := kerneltest.Provider("brain", func(ctx context.Context, _ *wit.Chat) (*wit.ProviderAnswer, error) {
			close(asked)
			<-ctx.Done()
			return nil, ctx.Err()
		})
		p, reach := kerneltest.NewMemoryPlatform(t)
		k := kerneltest.Start(t, kerneltest.Store(store.OpenMemory(), kerneltest.Keyring{}), reach, account(t, p, openToAll),
			kerneltest.Plugin(kerneltest.Channel("chat"), silent))
		setToken(k.Listen())
		p.Say("ann", "hi")
		<-asked
		start := time.Now()
		k.Stop()
		if took := time.Since(start); took > time.Second { // of the bubble, in which work takes no time
			t.Errorf("it took %v to stop", took)
		}
	})
}

// TestNothingIsLeftAfterStop: ten kernels that did all kinds of things stop and leave no goroutine
// behind.
func TestNothingIsLeftAfterStop(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 10 {
		p := kerneltest.NewPlatform(t)
		k := kerneltest.Start(t, kerneltest.StateDir(t.TempDir()), account(t, p, openToAll),
			kerneltest.Plugin(kerneltest.Channel("chat"), kerneltest.Echo("echo")))
		l := k.Listen()
		setToken(l)
		p.Say("ann", "hi")
		p.Answered("you said: hi")
		l.MustCall("cron.add", map[string]any{"name": "later", "sessionTarget": "main", "wakeMode": "now",
			"schedule": map[string]any{"kind": "every", "everyMs": 60_000}, "payload": map[string]any{"kind": "systemEvent", "text": "x"}}, nil)
		k.Stop()
		<-l.Done()
		p.Close()
	}
	deadline := time.Now().Add(kerneltest.Patience)
	for runtime.NumGoroutine() > before+2 && time.Now().Before(deadline) {
		runtime.Gosched()
		<-time.After(20 * time.Millisecond)
	}
	if n := runtime.NumGoroutine(); n > before+2 {
		var b bytes.Buffer
		_ = pprof.Lookup("goroutine").WriteTo(&b, 1)
		stacks := strings.Split(b.String(), "\n\n")
		t.Errorf("%d goroutines were there, %d are:\n%s", before, n, strings.Join(stacks[:min(12, len(stacks))], "\n\n"))
	}
}

// TestStopAtOnce stops kernels while they are still starting: that is clean too, and the state
// directory is good for the next one.
func TestStopAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 40 {
		kerneltest.Start(t, kerneltest.StateDir(dir), kerneltest.Plugin(kerneltest.Channel("chat"), kerneltest.Echo("echo"))).Stop()
	}
	k := kerneltest.Start(t, kerneltest.StateDir(dir), kerneltest.Plugin(kerneltest.Echo("echo")))
	if got := k.Listen().Ask("r", "hi"); got != "you said: hi" {
		t.Errorf("%q", got)
	}
}
