package delivery_test

import (
	"fmt"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/service/delivery"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
)

// TestALongQueueCostsNoMore: what waits is counted, listed and added to without the rest being read.
func TestALongQueueCostsNoMore(t *testing.T) {
	read := func(waiting int) map[string]int64 {
		w := newWorld(t)
		reads := storetest.NewReads(w.store)
		w.store = reads
		for i := range waiting {
			w.enqueue(outgoing(fmt.Sprint("m", i), fmt.Sprint("c", i), "x"))
		}
		s := delivery.New(w.deps())
		got := map[string]int64{}
		for what, params := range map[string]string{"page": `{"limit":10}`, "held": `{"state":"held"}`} {
			got[what] = reads.Of(func() {
				if err := call(t, s, "delivery.list", params, nil); err != nil {
					t.Fatal(err)
				}
			})
		}
		got["queues"] = reads.Of(func() {
			if n, err := s.Service().Queues(t.Context()); n["outbound"] != waiting || n["held"] != 0 || err != nil {
				t.Errorf("%v, %v", n, err)
			}
		})
		got["enqueue"] = reads.Of(func() { w.enqueue(outgoing("new", "c", "x")) })
		return got
	}
	few, many := read(30), read(600)
	if fmt.Sprint(few) != fmt.Sprint(many) {
		t.Errorf("records read with 30 waiting: %v, with 600: %v", few, many)
	}
}

// TestTheNumberOfWhatWaits follows a message that is held, released, held again and dropped.
func TestTheNumberOfWhatWaits(t *testing.T) {
	w := newWorld(t)
	s := delivery.New(w.deps())
	want := func(when string, outbound, held int) {
		t.Helper()
		for _, again := range []bool{false, true} { // what was counted is what the check counts anew
			n, err := s.Service().Queues(t.Context())
			if n["outbound"] != outbound || n["held"] != held || err != nil {
				t.Errorf("%s: %v, %v; want %d and %d held (checked: %t)", when, n, err, outbound, held, again)
			}
			s.Service().Checks[0](t.Context())
		}
	}
	want("at first", 0, 0)
	w.enqueue(outgoing("a", "c", "x"), outgoing("b", "c", "x"), outgoing("a", "c", "x"))
	want("two are enqueued, and one twice", 2, 0)
	if err := call(t, s, "delivery.drop", `{"id":"b"}`, nil); err != nil {
		t.Fatal(err)
	}
	want("one is dropped", 1, 0)
	delivery.Hold(t, w.store, "a")
	want("the other is held", 1, 1)
	if err := call(t, s, "delivery.release", `{"id":"a"}`, nil); err != nil {
		t.Fatal(err)
	}
	want("it is released", 1, 0)
	delivery.Hold(t, w.store, "a")
	if err := call(t, s, "delivery.drop", `{"id":"a"}`, nil); err != nil {
		t.Fatal(err)
	}
	want("it is dropped", 0, 0)
}
