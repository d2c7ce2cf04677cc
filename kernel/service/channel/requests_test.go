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

func TestRequestsWaitBehindFailures(t *testing.T) {
	var r requests
	now := time.Now()
	fail := func(took time.Duration) time.Duration {
		now = now.Add(time.Minute)
		r.failed(took, now)
		return r.slowdown(now)
	}
	if d := fail(0); d != 0 {
		t.Errorf("behind the first failure: %v", d)
	}
	for i := range 9 {
		full := min(250*time.Millisecond<<i, 5*time.Second)
		if d := fail(time.Second); d < full/2 || d > full {
			t.Errorf("behind failure %d: %v of %v", i+2, d, full)
		}
		if d := r.slowdown(now.Add(full)); d > 0 {
			t.Errorf("%v after failure %d: %v more", full, i+2, d)
		}
	}
	before := r.failures
	for range 10 {
		r.failed(time.Second, now.Add(time.Millisecond))
	}
	if r.failures != before {
		t.Errorf("requests that were under way together count %d times", r.failures-before)
	}
	r.answered()
	if d := r.slowdown(now); d > 0 {
		t.Errorf("behind an answer: %v", d)
	}
	if d := fail(0); d > 0 {
		t.Errorf("behind the first failure after an answer: %v", d)
	}
}

func TestEmptyPollsSlowDown(t *testing.T) {
	var r requests
	for i := range 50 {
		r.yielded(0, 0)
		if d := r.slowdown(time.Now()); d != 0 {
			t.Fatalf("%v after %d empty polls", d, i+1)
		}
	}
	r.yielded(0, 0)
	if d := r.slowdown(time.Now()); d != 2*time.Millisecond {
		t.Errorf("after 51: %v", d)
	}
	for range 20 {
		r.yielded(0, 0)
	}
	if d := r.slowdown(time.Now()); d != time.Second {
		t.Errorf("in the end: %v", d)
	}
	for name, fn := range map[string]func(){
		"a message": func() { r.yielded(0, 1) }, "a poll that was held": func() { r.yielded(quick, 0) },
	} {
		r.emptyPolls = 70
		if fn(); r.slowdown(time.Now()) != 0 {
			t.Errorf("%s does not end it", name)
		}
	}
}
