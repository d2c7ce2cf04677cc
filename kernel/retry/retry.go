// Package retry is how long to wait before something is tried again.
//
// A Backoff is a value without state: who retries counts the failures. It has no clock of its own, so a
// test in a synctest bubble owns the time. Everything is safe for concurrent use.
package retry

import (
	"context"
	"math/rand/v2"
	"time"
)

// Backoff doubles a delay with each failure, up to a ceiling.
type Backoff struct {
	// Min is the delay after the first failure.
	Min time.Duration
	// Max is the longest delay; 0 means Min, which makes all delays equal.
	Max time.Duration
	// Jitter takes a random part of up to half off each delay, so that those who failed together do not
	// come back together.
	Jitter bool
}

// maxDoublings keeps the shift from overflowing, whatever Min is.
const maxDoublings = 20

// Delay returns how long to wait after so many failures in a row, 0 for none.
func (b Backoff) Delay(failures int) time.Duration {
	if failures <= 0 || b.Min <= 0 {
		return 0
	}
	most := max(b.Max, b.Min)
	d := b.Min
	for range min(failures-1, maxDoublings) {
		if d >= most {
			break
		}
		d *= 2
	}
	if d = min(d, most); b.Jitter {
		d = d/2 + rand.N(d/2+1)
	}
	return d
}

// Asked is the pause that somebody else has asked for, in milliseconds: nothing for nil and for less than none, and
// at most longest, whatever the number.
func Asked(ms *int64, longest time.Duration) time.Duration {
	switch {
	case ms == nil || *ms <= 0:
		return 0
	case *ms > longest.Milliseconds():
		return longest
	}
	return time.Duration(*ms) * time.Millisecond
}

// Sleep waits for d and reports true, or false as soon as ctx ends. It does not wait when d is not positive.
func Sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// While does something, and again after each d while its error is one that passes, until ctx ends. It returns the
// last error.
func While(ctx context.Context, passes func(error) bool, d time.Duration, do func() error) error {
	for {
		if err := do(); err == nil || !passes(err) || !Sleep(ctx, d) {
			return err
		}
	}
}
