package kernel_test

import (
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestAHostileGuest does the worst that a guest can, several at once; the gateway answers others
// meanwhile, each call fails within its deadline with a reason, and the plugin serves the next.
func TestAHostileGuest(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	manifest := guestManifest("1.0.0", func(m *wit.Manifest) { m.Limits = &wit.Limits{Deadline: 1500} })
	put(t, filepath.Join(state, "plugins", "guest"), map[string][]byte{"plugin.wasm": guest(t, "v1"), "plugin.json": marshal(manifest)})
	k := kerneltest.Start(t, kerneltest.StateDir(state), kerneltest.Compiled(t), hand())
	l := &teller{Listener: k.Listen()}
	if got := l.tell("say"); got != "v1" {
		t.Fatalf("%q", got)
	}
	var others sync.WaitGroup
	others.Add(1)
	stop := make(chan struct{})
	var slowest time.Duration
	asked := 0
	other := k.Listen()
	go func() {
		defer others.Done()
		for {
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
			}
			start := time.Now()
			if err := other.Call(t.Context(), "health", nil, nil); err != nil {
				t.Error(err)
				return
			}
			asked++
			slowest = max(slowest, time.Since(start))
		}
	}()
	var runs []string
	for _, do := range []string{"loop", "recurse", "allocate", "trap", "flood", "loop"} {
		runs = append(runs, l.begin(do))
	}
	for _, run := range runs {
		start := time.Now()
		got := l.end(run)
		if took := time.Since(start); got == "" || strings.HasPrefix(got, "v1") || took > 20*time.Second {
			t.Errorf("%s: %q after %v", run, got, took)
		}
		t.Logf("%s: %.150s", run, got)
	}
	if got := l.tell("say"); got != "v1" {
		t.Errorf("afterwards: %q", got)
	}
	close(stop)
	others.Wait()
	t.Logf("health was asked %d times, the slowest answer took %v", asked, slowest)
	if slowest > 2*time.Second || asked < 10 {
		t.Errorf("others had to wait %v", slowest)
	}
}
