package retry_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/retry"
)

func ExampleBackoff() {
	b := retry.Backoff{Min: time.Second, Max: 5 * time.Second}
	for failures := range 5 {
		fmt.Println(b.Delay(failures))
	}
	// Output:
	// 0s
	// 1s
	// 2s
	// 4s
	// 5s
}

func TestDelayIsBounded(t *testing.T) {
	for _, b := range []retry.Backoff{
		{Min: time.Nanosecond, Max: time.Minute}, {Min: time.Hour, Max: math.MaxInt64}, {Min: time.Second},
		{Min: time.Second, Max: time.Minute, Jitter: true}, {Max: time.Second},
	} {
		for _, n := range []int{-1, 0, 1, 2, 10, 63, 64, math.MaxInt} {
			d := b.Delay(n)
			if d < 0 || d > max(b.Max, b.Min) {
				t.Errorf("%+v after %d failures: %v", b, n, d)
			}
			if n > 0 && b.Min > 1 && d < b.Min/2 {
				t.Errorf("%+v after %d failures: only %v", b, n, d)
			}
		}
	}
}

func TestAskedIsBounded(t *testing.T) {
	if d := retry.Asked(nil, time.Hour); d != 0 {
		t.Errorf("nobody asked: %v", d)
	}
	for ms, want := range map[int64]time.Duration{
		math.MinInt64: 0, -1: 0, 0: 0, 1: time.Millisecond, 90_000: 90 * time.Second, 3_600_000: time.Hour, 3_600_001: time.Hour,
		math.MaxInt64 / int64(time.Millisecond): time.Hour, math.MaxInt64/int64(time.Millisecond) + 1: time.Hour, math.MaxInt64: time.Hour,
	} {
		if d := retry.Asked(&ms, time.Hour); d != want {
			t.Errorf("%d ms: %v", ms, d)
		}
	}
}

func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if !retry.Sleep(t.Context(), time.Hour) || time.Since(began) != time.Hour {
			t.Errorf("slept %v", time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if retry.Sleep(ctx, time.Hour) || retry.Sleep(ctx, 0) {
			t.Error("a sleep whose context ended reported true")
		}
	})
}

// TestWhile: what passes is tried again, another error and success end it at once, and so does the context.
func TestWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		passing, final := errors.New("for now"), errors.New("for good")
		passes := func(err error) bool { return err == passing }
		for _, c := range []struct {
			outcomes []error
			want     error
			after    time.Duration
		}{
			{[]error{nil}, nil, 0},
			{[]error{final}, final, 0},
			{[]error{passing, passing, nil}, nil, 2 * time.Second},
			{[]error{passing, final}, final, time.Second},
			{slices.Repeat([]error{passing}, 20), passing, 10 * time.Second},
		} {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			began, n := time.Now(), 0
			err := retry.While(ctx, passes, time.Second, func() error {
				n++
				return c.outcomes[n-1]
			})
			if took := time.Since(began); err != c.want || took != c.after {
				t.Errorf("%v after %s, want %v after %s", err, took, c.want, c.after)
			}
			cancel()
		}
	})
}

// TestAFollowerComesAgain after each thing that it is told, also while it is busy, and after a failure when it has rested.
func TestAFollowerComesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		f, calls, failures := retry.NewFollower(), 0, 0
		begin := time.Now()
		done := make(chan struct{})
		go func() {
			defer close(done)
			f.Run(ctx, time.Second, func(context.Context) error {
				calls++
				time.Sleep(time.Minute)
				if calls == 2 {
					return errors.New("no")
				}
				return nil
			}, func(error) { failures++ })
		}()
		synctest.Wait()
		f.Tell() // while it is busy
		f.Tell()
		time.Sleep(time.Hour)
		if synctest.Wait(); calls != 3 || failures != 1 {
			t.Errorf("%d calls, %d failures", calls, failures)
		}
		f.Tell()
		time.Sleep(time.Hour)
		if synctest.Wait(); calls != 4 {
			t.Errorf("%d calls after %v", calls, time.Since(begin))
		}
		cancel()
		<-done
	})
}
