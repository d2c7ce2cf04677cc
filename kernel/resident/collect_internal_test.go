package resident

import "testing"

func TestGrowthAfter(t *testing.T) {
	for live, want := range map[uint64]int{0: 400, 1 << 20: 400, 8 << 20: 200, 16 << 20: 100, 32 << 20: 50, 1 << 40: 50} {
		if got := growthAfter(live); got != want {
			t.Errorf("%d bytes: %d percent, want %d", live, got, want)
		}
	}
}

func TestLittered(t *testing.T) {
	for name, test := range map[string]struct {
		before, now heap
		want        bool
	}{
		"nothing was done":       {heap{}, heap{}, false},
		"a burst is over":        {heap{8 << 20, 18 << 20, 0, 99 << 20}, heap{8 << 20, 18 << 20, 0, 99 << 20}, true},
		"a burst goes on":        {heap{8 << 20, 18 << 20, 0, 99 << 20}, heap{8 << 20, 19 << 20, 0, 100 << 20}, false},
		"it was collected":       {heap{8 << 20, 8 << 20, 0, 99 << 20}, heap{8 << 20, 8<<20 + 1000, 0, 99<<20 + 1000}, false},
		"collected right now":    {heap{8 << 20, 18 << 20, 0, 99 << 20}, heap{9 << 20, 9 << 20, 0, 99 << 20}, false},
		"freed since it was":     {heap{8 << 20, 8 << 20, 0, 99 << 20}, heap{8 << 20, 7 << 20, 0, 99 << 20}, false},
		"it was not given back":  {heap{8 << 20, 8 << 20, 9 << 20, 99 << 20}, heap{8 << 20, 8 << 20, 9 << 20, 99 << 20}, true},
		"little beside the rest": {heap{80 << 20, 85 << 20, 0, 99 << 20}, heap{80 << 20, 85 << 20, 0, 99 << 20}, false},
		"next to nothing of it":  {heap{8 << 20, 9 << 20, 0, 99 << 20}, heap{8 << 20, 9 << 20, 0, 99 << 20}, false},
	} {
		if got := test.now.littered(test.before); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestALongRest: what is kept to be faster is forgotten once in each rest of half a minute, and collected with it.
func TestALongRest(t *testing.T) {
	r, forgotten := resting{before: heap{live: 8 << 20, objects: 8 << 20}}, 0
	now := r.before
	for period := 1; period <= 4*longRest; period++ {
		if now.allocated += 1000; period == 2*longRest {
			now.allocated += 1 << 20
		}
		forgets, collects := r.next(now)
		if forgets != collects || forgets && period%(2*longRest) != longRest {
			t.Fatalf("period %d: forgets %v, collects %v", period, forgets, collects)
		}
		if forgets {
			forgotten++
		}
	}
	if forgotten != 2 {
		t.Errorf("forgotten %d times, want once in each rest", forgotten)
	}
}
