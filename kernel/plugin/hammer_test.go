package plugin_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/kernel/plugin/source"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// written is a package of one file of text, which the test's own engine runs.
func written(n int) source.Package {
	m := manifest("p", fmt.Sprintf("1.0.%d", n))
	at := time.Unix(int64(n), 0)
	return source.Package{Folder: "p", Path: "memory:p", Root: fstest.MapFS{
		"p/plugin.json": {Data: wit.Marshal(&m), ModTime: at},
		"p/plugin.wasm": {Data: []byte(alone(fmt.Sprint(n))), ModTime: at},
	}}
}

// until runs f over and over beside the test.
func until(stop <-chan struct{}, all *sync.WaitGroup, f func()) {
	all.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				f()
			}
		}
	})
}

// TestHammerWithRollbacks calls a plugin while it is replaced, rolled back, configured and warmed at any
// moment: no call fails or reaches what was closed, the newest package wins in the end, and all code is
// given back.
func TestHammerWithRollbacks(t *testing.T) {
	t.Parallel()
	memory := &plugintest.Memory{}
	memory.PutPackage(written(0))
	r := newRig(t, store.OpenMemory(), memory).start()
	var calls, rollbacks atomic.Int64
	stop := make(chan struct{})
	var all sync.WaitGroup
	for range 4 {
		until(stop, &all, func() {
			if _, err := r.invoke("p_tool"); err != nil {
				t.Errorf("call %d: %v", calls.Load(), err)
			}
			calls.Add(1)
		})
	}
	until(stop, &all, func() {
		if r.Rollback("p", "why not") == nil {
			rollbacks.Add(1)
		}
		<-time.After(70 * time.Millisecond)
	})
	until(stop, &all, func() {
		r.SettingsChanged("p")
		<-time.After(10 * time.Millisecond)
	})
	until(stop, &all, func() {
		if err := r.Warm(context.Background(), "p"); err != nil {
			t.Error(err)
		}
		r.List()
	})
	for n := 1; n <= 12; n++ {
		memory.PutPackage(written(n))
		r.wait(fmt.Sprintf("p 1.0.%d ready", n))
	}
	for calls.Load() < 100 || rollbacks.Load() == 0 { // fewer prove nothing
		<-time.After(time.Millisecond)
	}
	close(stop)
	all.Wait()
	memory.PutPackage(written(13))
	r.wait("p 1.0.13 ready")
	r.says("p_tool", "13 as p")
	r.stop()
	if _, _, held := r.engine.counts(); held != 0 {
		t.Errorf("%d files of code are still held", held)
	}
	t.Logf("%d calls, %d rollbacks", calls.Load(), rollbacks.Load())
}
