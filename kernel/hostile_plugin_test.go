package kernel_test

import (
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestAHostileGuest does the worst that a guest can, several at once; the gateway answers others
// meanwhile, each call fails within its deadline with a reason, and the plugin serves the next.
func TestAHostileGuest(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	manifest := guestManifest("1.0.0", func(m *wit.Manifest) { m.Limits = &wit.Limits{Deadline: 6000} })
	put(t, filepath.Join(state, "plugins", "guest"), map[string][]byte{"plugin.wasm": guest(t, "v1"), "plugin.json": marshal(manifest)})
	k := kerneltest.Start(t, kerneltest.StateDir(state), kerneltest.Compiled(t), hand())
	l := &teller{Listener: k.Listen()}
	if got := l.tell("say"); got != "v1" {
		t.Fatalf("%q", got)
	}
	var others sync.WaitGroup
	stop := make(chan struct{})
	var answered atomic.Int64
	other := k.Listen()
	others.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if err := other.Call(t.Context(), "health", nil, nil); err != nil {
				t.Error(err)
				return
			}
			answered.Add(1)
		}
	})
	before := answered.Load()
	var runs []string
	for _, do := range []string{"loop", "recurse", "allocate", "trap", "flood", "loop"} {
		runs = append(runs, l.begin(do))
	}
	for _, run := range runs {
		got := l.end(run)
		if got == "" || strings.HasPrefix(got, "v1") {
			t.Errorf("%s: %q", run, got)
		}
		t.Logf("%s: %.150s", run, got)
	}
	meanwhile := answered.Load() - before
	close(stop)
	others.Wait()
	if got := l.tell("say"); got != "v1" {
		t.Errorf("afterwards: %q", got)
	}
	// The first answer may be to what was asked before.
	if t.Logf("health was answered %d times meanwhile", meanwhile); meanwhile < 2 {
		t.Error("others had to wait for the guests")
	}
}
