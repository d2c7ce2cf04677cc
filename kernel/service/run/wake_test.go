package run_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/claim"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session/sessiontest"
	"github.com/carapace-gateway/carapace/kernel/store"
)

// interrupted is a store of which a view has begun, and shows what was there then, when something else happens.
type interrupted struct {
	store.Store
	happens atomic.Pointer[func()] // before the next view reads
}

func (s *interrupted) View(ctx context.Context, fn func(store.Tx) error) error {
	return s.Store.View(ctx, func(tx store.Tx) error {
		if happens := s.happens.Swap(nil); happens != nil {
			(*happens)()
		}
		return fn(tx)
	})
}

// TestWokenWhileItLooks: what is queued while the queues are looked at, too late to be seen, is executed all the same, whether some
// or all queues are looked at.
func TestWokenWhileItLooks(t *testing.T) {
	for name, wake := range map[string]func(*run.Service){
		"a session": func(s *run.Service) { s.Wake(key) },
		"all":       func(s *run.Service) { s.Wake() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				disk := &interrupted{Store: store.OpenMemory()}
				sessiontest.Ensure(t, disk, key)
				p := live(t, disk, &worker{}, new(claim.Local))
				defer p.stop()
				meanwhile := func() {
					enqueue(t, disk.Store, key, "r1")
					p.Wake(key)
				}
				disk.happens.Store(&meanwhile)
				wake(p.Service)
				synctest.Wait()
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				if r, err := p.Wait(ctx, "r1"); err != nil || r.State != run.Done {
					t.Errorf("%+v, %v", r, err)
				}
			})
		})
	}
}
