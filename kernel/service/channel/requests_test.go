package channel

import (
	"testing"
	"time"
)

func TestRequestsHaveSlots(t *testing.T) {
	var r requests
	count := map[admission]int{}
	for range maxRunning + maxQueued + 5 {
		count[r.admit(query{})]++
	}
	if count[admitNow] != 16 || count[admitLater] != 64 || count[admitNever] != 5 {
		t.Errorf("admitted %v", count)
	}
	next := 0
	for range maxRunning + maxQueued {
		if _, ok := r.release(); ok {
			next++
		}
	}
	if next != 64 || !r.idle() {
		t.Errorf("%d got a slot that was freed, %+v", next, r)
	}
}

func TestFailedRequestsAreToldLater(t *testing.T) {
	var r requests
	var got []time.Duration
	for range 9 {
		got = append(got, r.failed())
	}
	if got[0] != 0 || got[1] != 250*time.Millisecond || got[2] != 500*time.Millisecond || got[8] != 10*time.Second {
		t.Errorf("delays %v", got)
	}
	r.answered()
	if d := r.failed(); d != 0 {
		t.Errorf("the first failure after an answer waits %v", d)
	}
}

func TestEmptyPollsSlowDown(t *testing.T) {
	var r requests
	for i := range 50 {
		r.yielded(0, 0)
		if d := r.slowdown(); d != 0 {
			t.Fatalf("%v after %d empty polls", d, i+1)
		}
	}
	r.yielded(0, 0)
	if d := r.slowdown(); d != 2*time.Millisecond {
		t.Errorf("after 51: %v", d)
	}
	for range 20 {
		r.yielded(0, 0)
	}
	if d := r.slowdown(); d != time.Second {
		t.Errorf("in the end: %v", d)
	}
	for name, fn := range map[string]func(){
		"a message": func() { r.yielded(0, 1) }, "a poll that was held": func() { r.yielded(quick, 0) },
	} {
		r.emptyPolls = 70
		if fn(); r.slowdown() != 0 {
			t.Errorf("%s does not end it", name)
		}
	}
}
