package web_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/builtin-plugins/channeltest/web"
)

func TestOutboxTellsInOrderUntilItIsTaken(t *testing.T) {
	host := web.New(http.NotFoundHandler())
	box := web.NewOutbox[int](host, time.Microsecond, 2)
	for i := range 5 {
		box.Tell(i)
	}
	if box.Known() || box.Pending() != 5 {
		t.Fatalf("%v %d", box.Known(), box.Pending())
	}
	var got [][]int
	box.Repeat(1)
	box.To(func(events []int) bool {
		got = append(got, slices.Clone(events))
		return len(got) > 1
	})
	if err := host.Wait(t.Context(), func() bool { return box.Pending() == 0 }); err != nil {
		t.Fatal(err)
	}
	if err := host.Close(); err != nil {
		t.Fatal(err)
	}
	if want := [][]int{{0, 1}, {0, 1}, {0, 1}, {2, 3}, {4}}; !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("%v", got)
	}
}

func TestOutboxEndsWithItsHost(t *testing.T) {
	host := web.New(http.NotFoundHandler())
	box := web.NewOutbox[int](host, time.Hour, 1)
	box.To(func([]int) bool { return false })
	box.Tell(1)
	if err := host.Close(); err != nil {
		t.Fatal(err)
	}
	box.Tell(2)
	if box.Pending() != 2 {
		t.Errorf("%d", box.Pending())
	}
}
