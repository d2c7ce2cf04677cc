package turns_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/turns"
)

// hall is askers who take places and note when.
type hall struct {
	*turns.Turns
	mu   sync.Mutex
	had  []string       // in the order of their turns
	now  map[string]int // held
	most int            // over all, at a time
}

func newHall(places, most int) *hall {
	return &hall{Turns: turns.New(places, most), now: map[string]int{}}
}

// enter takes a place, for some time, on a goroutine of its own.
func (h *hall) enter(ctx context.Context, name string, last time.Duration) {
	go func() {
		if h.Take(ctx, name) {
			h.stay(name, last)
		}
	}()
	synctest.Wait()
}

// await is enter that has a goroutine only while it has the place, which it does not take any more when ctx has ended.
func (h *hall) await(ctx context.Context, name string, last time.Duration) {
	if h.Await(name, func() bool {
		if ctx.Err() != nil {
			return false
		}
		go h.stay(name, last)
		return true
	}) {
		go h.stay(name, last)
	}
	synctest.Wait()
}

// stay has a place for some time.
func (h *hall) stay(name string, last time.Duration) {
	h.mu.Lock()
	h.had = append(h.had, name)
	h.now[name]++
	sum := 0
	for _, n := range h.now {
		sum += n
	}
	h.most = max(h.most, sum)
	h.mu.Unlock()
	time.Sleep(last)
	h.mu.Lock()
	h.now[name]--
	h.mu.Unlock()
	h.Give(name)
}

// turns are those that were had.
func (h *hall) turns() []string {
	synctest.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.had)
}

// holds is how many places somebody has now, and the most that there were at a time over all.
func (h *hall) holds(name string) (now, most int) {
	synctest.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now[name], h.most
}

// TestNobodyWaitsForAFlood: of whoever asks beside one who has asked for two hundred turns, each waits for one turn of each
// other one at most, however either waits.
func TestNobodyWaitsForAFlood(t *testing.T) {
	type way func(h *hall, ctx context.Context, name string, last time.Duration)
	for name, ways := range map[string][2]way{
		"take": {(*hall).enter, (*hall).enter}, "await": {(*hall).await, (*hall).await},
		"take beside await": {(*hall).await, (*hall).enter}, "await beside take": {(*hall).enter, (*hall).await},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHall(1, 1)
				for range 200 {
					ways[0](h, t.Context(), "flood", time.Second)
				}
				for _, name := range []string{"a", "b", "b", "c"} {
					ways[1](h, t.Context(), name, time.Second)
				}
				time.Sleep(5500 * time.Millisecond)
				// It was the flood's turn when they came. It comes again when the three have had theirs, and so does b.
				if had, want := h.turns(), []string{"flood", "a", "b", "c", "flood", "b"}; !slices.Equal(had, want) {
					t.Errorf("turns %q", had)
				}
				time.Sleep(time.Hour)
			})
		})
	}
}

// TestTheBoundOfEach leaves places to whoever comes.
func TestTheBoundOfEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHall(4, 3)
		for range 100 {
			h.enter(t.Context(), "flood", time.Minute)
		}
		if n, _ := h.holds("flood"); n != 3 {
			t.Errorf("the flood has %d places", n)
		}
		h.enter(t.Context(), "owner", time.Minute)
		if n, _ := h.holds("owner"); n != 1 {
			t.Error("the owner waits")
		}
		h.enter(t.Context(), "guest", time.Minute)
		time.Sleep(time.Minute + time.Second)
		if n, most := h.holds("guest"); n != 1 || most > 4 {
			t.Errorf("the guest has %d places; %d at a time", n, most)
		}
		time.Sleep(24 * time.Hour)
	})
}

// TestWhoDoesNotWait has a place where one is free for him, and what he is refused is nothing that has to be given back.
func TestWhoDoesNotWait(t *testing.T) {
	h := turns.New(3, 2)
	for i, c := range []struct {
		name string
		got  bool
	}{{"a", true}, {"a", true}, {"a", false}, {"b", true}, {"b", false}, {"c", false}} {
		if h.Try(c.name) != c.got {
			t.Errorf("%d: %s", i, c.name)
		}
	}
	h.Give("b")
	if h.Try("a") || !h.Try("c") || h.Try("b") {
		t.Error("the place that was given back is not c's")
	}
}

// TestWhoeverAwaits is told once, in the order of asking, and may use the turns then; what he does not take goes to the next.
func TestWhoeverAwaits(t *testing.T) {
	h := turns.New(1, 1)
	var told []string
	await := func(name, as string, takes bool) bool {
		return h.Await(name, func() bool {
			told = append(told, as)
			if h.Try("other") {
				t.Error("the place is free while somebody is told of it")
			}
			return takes
		})
	}
	if !await("a", "a1", true) {
		t.Error("a free place is not had at once")
	}
	for _, c := range []struct {
		name, as string
		takes    bool
	}{{"a", "a2", true}, {"b", "b1", false}, {"b", "b2", true}, {"c", "c1", true}, {"a", "a3", false}} {
		if await(c.name, c.as, c.takes) {
			t.Errorf("%s has a place that is not free", c.as)
		}
	}
	for i, give := range []struct{ name, told string }{
		{"a", "[b1 c1]"}, {"c", "[b1 c1 a2]"}, {"a", "[b1 c1 a2 b2]"}, {"b", "[b1 c1 a2 b2 a3]"},
	} {
		if h.Give(give.name); fmt.Sprint(told) != give.told {
			t.Errorf("step %d: told %v, want %s", i, told, give.told)
		}
	}
	if !h.Try("d") || h.Try("e") {
		t.Error("the place that nobody has taken is not there once")
	}
}

// TestManyThatDoNotTake are asked one after the other, not each within the other.
func TestManyThatDoNotTake(t *testing.T) {
	h, within, most, n := turns.New(1, 1), 0, 0, 0
	h.Try("a")
	for range 100_000 {
		h.Await("a", func() bool {
			within++
			most = max(most, within)
			n++
			within--
			return false
		})
	}
	h.Give("a")
	if n != 100_000 || most != 1 || !h.Try("a") {
		t.Errorf("%d were asked, %d at a time", n, most)
	}
}

// TestTurnsThatAreGivenUp: whatever is given up and when, no place is lost and none is had twice.
func TestTurnsThatAreGivenUp(t *testing.T) {
	for seed := range uint64(50) {
		synctest.Test(t, func(t *testing.T) {
			dice := rand.New(rand.NewPCG(seed, 0))
			places := 1 + dice.IntN(4)
			h := newHall(places, 1+dice.IntN(places))
			for range 200 {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(dice.IntN(20))*time.Second)
				defer cancel()
				way := h.enter
				if dice.IntN(2) == 0 {
					way = h.await
				}
				way(ctx, fmt.Sprint("asker", dice.IntN(5)), time.Duration(dice.IntN(5))*time.Second)
				time.Sleep(time.Duration(dice.IntN(2)) * time.Second)
			}
			time.Sleep(time.Hour)
			if _, most := h.holds(""); most > places {
				t.Errorf("%d of %d places at a time", most, places)
			}
			for n := range places { // all are there again
				if !h.Take(t.Context(), fmt.Sprint("last", n)) {
					t.Error("a place is lost")
				}
			}
		})
	}
}

// BenchmarkAlone is a turn that nobody waits for.
func BenchmarkAlone(b *testing.B) {
	t := turns.New(2, 2)
	b.ReportAllocs()
	for b.Loop() {
		t.Take(b.Context(), "me")
		t.Give("me")
	}
}
