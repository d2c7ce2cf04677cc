package runtime_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/runtime"
	"github.com/carapace-gateway/carapace/wit"
)

// TestStress mixes callers that give up, guests that trap or never end, reloads, and too few
// instances for all, and then counts what is left.
func TestStress(t *testing.T) {
	e, err := runtime.New(context.Background(), runtime.Config{MaxInstances: 5})
	must(t, err)
	g := newGate()
	close(g.open)
	g.entered = make(chan struct{}, 1<<20)
	modes := []runtime.Mode{runtime.Fresh, runtime.Warm, runtime.Single, runtime.Warm}
	stop := time.Now().Add(time.Second)
	var wg, late sync.WaitGroup
	for n, mode := range modes {
		wg.Go(func() {
			for time.Now().Before(stop) { // each turn is a reload
				m := e.Load(source("test", counterGuest()))
				p := m.Pool(runtime.Spec{Plugin: fmt.Sprint("p", n), Mode: mode, Functions: g.functions(),
					Limits: runtime.Limits{Instances: 3, Deadline: 5 * time.Millisecond, Idle: 2 * time.Millisecond}})
				m.Release()
				stressPool(t, p, uint64(n), &late)
				ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
				_ = p.Close(ctx) // with calls under way
				cancel()
			}
		})
	}
	wg.Wait()
	late.Wait()
	if s := e.Stats(); s != (runtime.EngineStats{}) {
		t.Errorf("left: %+v", s)
	}
	must(t, e.Close(context.Background()))
}

func stressPool(t *testing.T, p *runtime.Pool, seed uint64, late *sync.WaitGroup) {
	var wg sync.WaitGroup
	for worker := range 6 {
		random := rand.New(rand.NewPCG(seed, uint64(worker)))
		done := func() {
			for range 15 {
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(random.IntN(8000))*time.Microsecond)
				export := []string{"count", "count", "wait", "trap", "spin", "nothing"}[random.IntN(6)]
				_, err := p.Call(ctx, export, nil)
				if code := wit.CodeOf(err); code == wit.CodeInternal || code == wit.CodeInvalid {
					t.Errorf("%s: %v", export, err)
				}
				cancel()
			}
		}
		if worker == 0 {
			late.Go(done) // still under way when the pool closes
		} else {
			wg.Go(done)
		}
	}
	wg.Wait()
}
