package gateway

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/rpc"
)

// TestStoppingMissesNobody: whoever joins while the gateway stops is either refused or among those that are dismissed,
// whatever begins is either refused or waited for, and whoever wants in later is refused.
func TestStoppingMissesNobody(t *testing.T) {
	for range 50 {
		h, work := newHub(Limits{}.withDefaults(), NewPresence("test")), new(running)
		var joined, ran atomic.Int64
		var coming sync.WaitGroup
		for i := range 20 {
			coming.Go(func() {
				if work.begin() {
					ran.Add(1)
					work.end()
				}
				if h.join(&conn{caller: &rpc.Caller{ConnID: fmt.Sprint(i)}}) {
					joined.Add(1)
				}
			})
		}
		work.close()
		work.wait(context.Background())
		ranBefore := ran.Load()
		h.close()
		found := int64(len(h.members.all()))
		coming.Wait()
		if joined.Load() != found {
			t.Fatalf("%d joined and %d are found", joined.Load(), found)
		}
		if ran.Load() != ranBefore {
			t.Fatalf("%d were waited for and %d ran", ranBefore, ran.Load())
		}
		if h.admission.enter("127.0.0.1") || work.begin() || h.join(&conn{caller: &rpc.Caller{ConnID: "late"}}) || !h.stopping() {
			t.Fatal("somebody came in after the end")
		}
	}
}
