package crowd

import (
	"runtime"
	"slices"
	"testing"
)

// TestThreadsFollowTheCrowd: more of them at once when goroutines wait, as many as before when they have not for a while.
func TestThreadsFollowTheCrowd(t *testing.T) {
	running, told := 3, []int(nil)
	k := &keeper{Crowd: new(Crowd), threads: func(n int) int {
		before := running
		if n > 0 {
			running, told = n, append(told, n)
		}
		return before
	}}
	now := waits{}
	look := func(all, long uint64) {
		now.all, now.long = now.all+all, now.long+long
		k.look(now)
	}
	look(10_000, 20) // few
	look(40, 40)     // of which nothing can be said
	look(10_000, 400)
	if len(told) != 0 || k.There() {
		t.Fatalf("%v threads while hardly anything waits", told)
	}
	look(10_000, 600)
	for range calmPeriods - 1 {
		look(10, 0)
	}
	look(100, 90) // once more
	for range calmPeriods - 1 {
		look(10, 0)
	}
	if !slices.Equal(told, []int{9}) || !k.There() {
		t.Fatalf("%v threads in a crowd, want 9", told)
	}
	look(10, 0)
	look(10, 0)
	if !slices.Equal(told, []int{9, 3}) || k.There() {
		t.Errorf("%v threads, want 9 and then 3", told)
	}
}

// TestReadWaits sees the waits of this process.
func TestReadWaits(t *testing.T) {
	before := readWaits()
	for range 1000 {
		runtime.Gosched()
	}
	if now := readWaits(); now.all <= before.all || now.long > now.all {
		t.Errorf("before %+v, now %+v", before, now)
	}
}
