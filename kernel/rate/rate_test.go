package rate_test

import (
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/rate"
)

func TestBucket(t *testing.T) {
	var b rate.Bucket
	limit := rate.Limit{PerSecond: 2, Burst: 3}
	now := time.Unix(1_000_000, 0)
	for i := range 3 {
		if wait := b.Take(now, limit); wait != 0 {
			t.Fatalf("take %d of the burst waits %v", i+1, wait)
		}
	}
	if wait := b.Take(now, limit); wait != 500*time.Millisecond {
		t.Errorf("an empty bucket waits %v, want half a second", wait)
	}
	if wait := b.Take(now.Add(500*time.Millisecond), limit); wait != 0 {
		t.Errorf("after the wait it waits %v again", wait)
	}
	now = now.Add(time.Hour)
	for range 3 {
		if wait := b.Take(now, limit); wait != 0 {
			t.Fatalf("a bucket that rested waits %v", wait)
		}
	}
	if b.Take(now, limit) == 0 {
		t.Error("a bucket that rested holds more than its burst")
	}
}
