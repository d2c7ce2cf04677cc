package event_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

var number = event.Kind[int]{Name: "number", Scope: wire.ScopeRead}
var word = event.Kind[string]{Name: "word", Scope: wire.ScopeAdmin, DropIfSlow: true}

func TestSubscribersOfAKindSeeItsPayloadsInOrder(t *testing.T) {
	bus := new(event.Bus)
	var got []int
	cancel := number.Subscribe(bus, func(n int) { got = append(got, n) })
	for i := range 3 {
		number.Publish(bus, i)
		word.Publish(bus, "x")
	}
	cancel()
	number.Publish(bus, 9)
	if fmt.Sprint(got) != "[0 1 2]" {
		t.Fatalf("got %v", got)
	}
}

func TestEventCarriesItsRow(t *testing.T) {
	bus := new(event.Bus)
	var got event.Event
	bus.Subscribe(func(e event.Event) { got = e })
	word.Publish(bus, "hello", "c1", "c2")
	if got.Name != "word" || got.Scope != wire.ScopeAdmin || !got.DropIfSlow || got.Payload != "hello" || fmt.Sprint(got.To) != "[c1 c2]" {
		t.Fatalf("got %+v", got)
	}
	if r := word.Row(); r.Name != "word" || r.Scope != wire.ScopeAdmin {
		t.Fatalf("row %+v", r)
	}
}

func TestManySubscribers(t *testing.T) {
	bus := new(event.Bus)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 500 {
				last := -1
				cancel := number.Subscribe(bus, func(n int) { last = n })
				number.Publish(bus, i)
				cancel()
				if last < 0 {
					t.Error("a subscriber missed what was published after it subscribed")
				}
			}
		})
	}
	wg.Wait()
}
