package storm

import (
	"context"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
)

// ahead is how many questions are asked that have no answer yet.
const ahead = 10

// RunUpgrades has people ask questions, each a pause after the other, while the plugin is replaced twice and the platform does well. It
// fails the test where an answer is lost, comes twice, comes to somebody else or comes in another order.
func RunUpgrades(t *testing.T, p channeltest.Platform, root string, people int, pause time.Duration) {
	t.Helper()
	state, id := t.TempDir(), p.Account().Channel
	g := Start(t, p, root, state, "")
	ctx, cancel := context.WithTimeout(t.Context(), kerneltest.Patience)
	defer cancel()
	until := func(what string, ok func() bool) {
		t.Helper()
		if p.Wait(ctx, ok) != nil {
			t.Fatalf("waited in vain until %s; heard was %+v", what, p.Heard())
		}
	}
	goesOn := func() {
		t.Helper()
		before := len(p.Heard())
		until("answers go on", func() bool { return len(p.Heard()) > before+5 })
	}
	var oracle channeltest.Oracle
	stop := talk(p, &oracle, people, pause)
	for _, version := range []string{"2.0.0", "3.0.0"} {
		goesOn()
		g.Upgrade(root, state, id, version)
	}
	goesOn()
	stop()
	until("all are answered", func() bool { return len(oracle.Count(p.Heard()).Lost) == 0 })
	if got := oracle.Count(p.Heard(), channeltest.ToldBy(p)...); len(got.Doubled())+len(got.Wrong)+got.Disordered > 0 {
		t.Errorf("%d came twice, %d are wrong, %d not in order", len(got.Doubled()), len(got.Wrong), got.Disordered)
	}
}

// talk has people ask until stop is called.
func talk(p channeltest.Platform, oracle *channeltest.Oracle, people int, pause time.Duration) (stop func()) {
	ended, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ; {
			select {
			case <-ended:
				return
			case <-time.After(pause):
				if i < len(p.Heard())+ahead {
					p.Say(i%people, oracle.Ask(i%people))
					i++
				}
			}
		}
	}()
	return func() { close(ended); <-done }
}
