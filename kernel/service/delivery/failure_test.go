package delivery

import (
	"context"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

func TestPermanentFailures(t *testing.T) {
	for _, c := range []struct {
		err      wit.Error
		attempts int
		want     bool
	}{
		{wit.Error{Code: wit.CodeUnavailable}, 1000, false},
		{wit.Error{Code: wit.CodeTimeout}, 1000, false},
		{wit.Error{Code: wit.CodeRateLimited}, 1000, false},
		{wit.Error{Code: wit.CodeInternal}, maxInternal - 1, false},
		{wit.Error{Code: wit.CodeInternal}, maxInternal, true},
		{wit.Error{Code: wit.CodeInternal, Retryable: true}, 1000, false},
		{wit.Error{Code: wit.CodeForbidden}, 1, true},
		{wit.Error{Code: wit.CodeForbidden, Retryable: true}, 1000, false},
	} {
		if got := permanent(&c.err, c.attempts); got != c.want {
			t.Errorf("%+v after %d attempts: %v", c.err, c.attempts, got)
		}
	}
}

func TestPauseIsNeverShorterThanThePlatformAsks(t *testing.T) {
	for _, c := range []struct {
		asked       int64 // milliseconds
		least, most time.Duration
	}{
		{0, retryDelays.Min / 2, retryDelays.Min},
		{-1, retryDelays.Min / 2, retryDelays.Min},
		{60_000, time.Minute, time.Minute},
		{1 << 62, longestAsked, longestAsked},
	} {
		if d := pause(1, &wit.Error{RetryAfter: &c.asked}); d < c.least || d > c.most {
			t.Errorf("asked for %d ms: %v", c.asked, d)
		}
	}
}

// TestPausesDiffer, so that what waits for a platform does not come back to it at one moment.
func TestPausesDiffer(t *testing.T) {
	seen := map[time.Duration]bool{}
	for range 20 {
		seen[pause(8, &wit.Error{})] = true
	}
	if len(seen) < 2 {
		t.Error("twenty pauses are one")
	}
}

func TestAnsweredIsThePluginsWord(t *testing.T) {
	for _, err := range []error{context.Canceled, wit.Errorf(wit.CodeForbidden, "%w", context.Canceled),
		wit.NewError(wit.CodeTimeout, "x"), wit.NewError(wit.CodeUnavailable, "x")} {
		if Answered(err) {
			t.Errorf("%v says that the piece has not arrived", err)
		}
	}
	if !Answered(wit.NewError(wit.CodeForbidden, "blocked")) {
		t.Error("a refusal is an answer")
	}
}

func TestAfterAWrite(t *testing.T) {
	then := step{wait: time.Second}
	for _, c := range []struct {
		err  error
		want step
	}{{nil, then}, {errGone, step{pop: true}}, {wit.NewError(wit.CodeUnavailable, "disk"), step{}}} {
		if got := after(c.err, then); got != c.want {
			t.Errorf("%v: %+v", c.err, got)
		}
	}
}
