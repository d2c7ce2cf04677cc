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
		h, work := newHub(Limits{}.withDefaults(), loopback, NewPresence("test")), new(running)
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

// TestAdmissionKeepsNothing of addresses that have no connection any more.
func TestAdmissionKeepsNothing(t *testing.T) {
	a := newAdmission(Limits{MaxConnections: 3, MaxPerIP: 2}, loopback)
	for _, tt := range []struct {
		ip   string
		want bool
	}{{"198.51.100.1", true}, {"198.51.100.1", true}, {"198.51.100.1", false}, {"198.51.100.2", true}, {"127.0.0.1", false}} {
		if got := a.enter(tt.ip); got != tt.want {
			t.Errorf("%s enters: %v, of %v", tt.ip, got, a.perIP)
		}
	}
	for _, ip := range []string{"198.51.100.1", "198.51.100.2"} {
		a.exit(ip)
	}
	if !a.enter("198.51.100.1") || a.perIP["198.51.100.1"] != 2 {
		t.Errorf("a place that was given back is not free: %v", a.perIP)
	}
	a.exit("198.51.100.1")
	a.exit("198.51.100.1")
	if a.open != 0 || len(a.perIP) != 0 {
		t.Errorf("%d are open, %v", a.open, a.perIP)
	}
}

// TestRunning: who waits goes on when the last has ended, or with its context.
func TestRunning(t *testing.T) {
	var r running
	r.wait(t.Context()) // nothing runs
	r.begin()
	r.begin()
	ended := make(chan struct{})
	go func() { r.wait(context.Background()); close(ended) }()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	r.wait(gone)
	r.end()
	select {
	case <-ended:
		t.Fatal("one still runs")
	default:
	}
	r.close()
	if r.begin() || !r.ending() {
		t.Error("something begins after the end")
	}
	r.end()
	<-ended
}
