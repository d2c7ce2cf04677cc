package web_test

import (
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/web"
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

// TestWhatIsLateComesBehind: an event that is late comes after those that were told after it, and is not forgotten.
func TestWhatIsLateComesBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host := web.New(http.NotFoundHandler())
		box := web.NewOutbox[string](host, time.Second, 10)
		var mu sync.Mutex
		var got []string
		failed := false
		came := func() []string {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(got)
		}
		box.To(func(events []string) bool {
			mu.Lock()
			defer mu.Unlock()
			fails := events[0] == "2" && !failed
			failed = failed || fails
			if !fails {
				got = append(got, events...)
			}
			return !fails
		})
		box.Delay(time.Minute)
		for _, event := range []string{"1", "2", "3"} {
			box.Tell(event)
			synctest.Wait()
		}
		if box.Pending() != 3 || len(came()) != 0 {
			t.Errorf("%d wait, %q came", box.Pending(), came())
		}
		time.Sleep(time.Hour)
		if !slices.Equal(came(), []string{"2", "3", "1"}) || box.Pending() != 0 {
			t.Errorf("%q", came())
		}
		told := box.Told()
		if len(told) != 3 || told[0].Text != `"1"` || !told[0].At.After(told[2].Taken) || told[1].Taken.Sub(told[1].At) != time.Second {
			t.Errorf("%+v", told)
		}
		if err := host.Close(); err != nil {
			t.Error(err)
		}
	})
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
