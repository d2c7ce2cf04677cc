package openai_test

import (
	stdjson "encoding/json"
	"testing"

	"github.com/carapace-gateway/carapace/wit"
)

const day = 24 * 60 * 60 * 1000

// waited is the wait that a failure of this status ends with, in milliseconds, read of these headers and this body.
func waited(t *testing.T, status uint16, body string, headers ...string) int64 {
	t.Helper()
	var list []wit.Header
	for n := 0; n < len(headers); n += 2 {
		list = append(list, wit.Header{Name: headers[n], Value: headers[n+1]})
	}
	answer := read(t, head(status, list...), data(body))
	switch {
	case answer.Error == nil:
		t.Fatalf("no error of %s", body)
	case answer.Error.RetryAfter != nil:
		return *answer.Error.RetryAfter
	}
	return 0
}

// TestWaitsInHeaders: by the server's clock, where it says what that is.
func TestWaitsInHeaders(t *testing.T) {
	const date = "Wed, 21 Oct 2026 07:28:00 GMT"
	for value, want := range map[string]int64{
		"20": 20_000, " 2.5 ": 2500, "0": 0, "-3": 0, "": 0, "soon": 0, "NaN": 0, "1e3": 1_000_000,
		"90000": day, "99999999": day, "70000": 70_000_000,
		"Wed, 21 Oct 2026 07:28:09 GMT":     9000,
		"Wednesday, 21-Oct-26 07:28:09 GMT": 9000,
		"Wed Oct 21 07:28:09 2026":          9000,
		"Sun Nov  1 07:28:00 2026":          day,
		"2026-10-21T07:28:09Z":              9000,
		"2026-10-21T09:28:09.5+02:00":       9500,
		"Wed, 21 Oct 2026 07:27:00 GMT":     0,
		"Wed Oct 21 07:27:00 2026":          0,
		"6m0s":                              360_000, "7.66s": 7660, "120ms": 120, "48h": day, "-1s": 0,
		"1792567689": 9000, "1792567689000": 9000, "1792567689500": 9500, "1445412480": 0, "9999999999999": day,
	} {
		for _, name := range []string{"Retry-After", "x-ratelimit-reset", "X-RateLimit-Reset-Tokens"} {
			if got := waited(t, 429, "{}", "Date", date, name, value); got != want {
				t.Errorf("%s: %q is %d ms, want %d", name, value, got, want)
			}
		}
	}
	for name, c := range map[string]struct {
		headers []string
		want    int64
	}{
		"milliseconds":            {[]string{"retry-after-ms", "350"}, 350},
		"milliseconds first":      {[]string{"Retry-After", "9", "retry-after-ms", "350"}, 350},
		"no milliseconds":         {[]string{"retry-after-ms", "soon", "Retry-After", "9"}, 9000},
		"too many milliseconds":   {[]string{"retry-after-ms", "1e300"}, day},
		"asked, not reset":        {[]string{"x-ratelimit-reset-requests", "6m0s", "Retry-After", "9"}, 9000},
		"the one that is used up": {[]string{"x-ratelimit-reset-requests", "2m59.56s", "x-ratelimit-remaining-requests", "14370", "x-ratelimit-reset-tokens", "7.66s", "x-ratelimit-remaining-tokens", "0"}, 7660},
		"both are used up":        {[]string{"x-ratelimit-reset-a", "7s", "x-ratelimit-remaining-a", "0", "x-ratelimit-reset-b", "9s", "x-ratelimit-remaining-b", "0"}, 9000},
		"which one is not known":  {[]string{"x-ratelimit-reset-a", "9s", "x-ratelimit-reset-b", "7s", "x-ratelimit-reset-c", "8s"}, 7000},
		"one is over":             {[]string{"x-ratelimit-reset-a", "0s", "x-ratelimit-reset-b", "7s"}, 7000},
		"no clock of its own":     {[]string{"Date", "now", "Retry-After", "Wed, 21 Oct 2015 07:28:00 GMT"}, 0},
	} {
		if got := waited(t, 429, "{}", c.headers...); got != c.want {
			t.Errorf("%s: %d ms, want %d", name, got, c.want)
		}
	}
	// Nobody is to try again what is refused for good.
	for _, status := range []uint16{400, 401, 402} {
		if got := waited(t, status, `{"error":{"message":"try again in 9s","retry_after":9}}`, "Retry-After", "9"); got != 0 {
			t.Errorf("%d is waited for %d ms", status, got)
		}
	}
	// Each answer says when the limits are as at first, also one that has nothing to do with them.
	if got := waited(t, 503, "{}", "x-ratelimit-reset-requests", "6m0s"); got != 0 {
		t.Errorf("a server that is down is waited for %d ms because of a limit", got)
	}
	if got := waited(t, 200, `{"error":{"code":"rate_limit_exceeded"}}`, "x-ratelimit-reset", "6m0s"); got != 360_000 {
		t.Errorf("a limit inside of a good stream is waited for %d ms", got)
	}
}

// TestWaitsInWords: what a server tells people is read where it says nothing else.
func TestWaitsInWords(t *testing.T) {
	for text, want := range map[string]int64{
		"Rate limit reached for gpt-4. Limit: 3 / min. Please try again in 20s. Visit …": 20_000,
		"Please try again in 1m30s.":                                 90_000,
		"Please try again in 2m59.56s":                               179_560,
		"Please try again in 350ms.":                                 350,
		"Please try again in 1h2m3s":                                 3_723_000,
		"Too Many Requests: retry after 12":                          12_000,
		"Please retry after 12 seconds.":                             12_000,
		"Please retry in 45.07s.":                                    45_070,
		"TRY AGAIN IN 1 Minute and 5 Seconds":                        65_000,
		"try again in 1 hour, 10 minutes":                            4_200_000,
		"Please wait 30 sec before the next request":                 30_000,
		"try again in 9 days":                                        day,
		"Please wait before trying again in 3 s.":                    3000,
		"Your quota will reset after 38s.":                           38_000,
		"Please wait. You may try again in a while; try again in 4s": 4000,
		"You may retry in 3 attempts":                                0,
		"try again in -5s":                                           0,
		"try again in ...":                                           0,
		"try again in 99999999999999999999999999s":                   day,
		"try again in ":                                              0,
		"429 of 500 requests":                                        0,
		"wait 1":                                                     1000,
		"try again in 1m30":                                          90_000,
	} {
		whole, err := stdjson.Marshal(map[string]any{"error": map[string]any{"message": text, "code": "rate_limit_exceeded"}})
		if err != nil {
			t.Fatal(err)
		}
		for _, body := range []string{string(whole), text} {
			if got := waited(t, 429, body); got != want {
				t.Errorf("%s: %d ms, want %d", body, got, want)
			}
		}
		if got := waited(t, 429, string(whole), "x-ratelimit-reset", "77"); want > 0 && got != want {
			t.Errorf("%s beside a limit: %d ms, want %d", text, got, want)
		}
	}
}

// TestWaitsInBodies: fields of the failure, and headers that were passed on in it.
func TestWaitsInBodies(t *testing.T) {
	for body, want := range map[string]int64{
		`{"error":{"message":"x","retry_after":3}}`:                                                                          3000,
		`{"error":{"message":"x","retry_after_seconds":2.5}}`:                                                                2500,
		`{"error":{"message":"try again in 9s","retry_after":3}}`:                                                            3000,
		`{"error":{"message":"x","details":[{"retryDelay":"46s"},{"retryDelay":"9s"}]}}`:                                     46_000,
		`{"error":{"message":"x","code":429,"metadata":{"retry_after_seconds":4}}}`:                                          4000,
		`{"error":{"message":"x","code":429,"metadata":{"headers":{"X-RateLimit-Remaining":"0","X-RateLimit-Reset":"30"}}}}`: 30_000,
		`{"error":{"message":"x","code":429,"metadata":{"headers":{"X-RateLimit-Reset":"1445412480000"}}}}`:                  0,
		`{"error":{"message":"x","code":429,"metadata":{"headers":{"Retry-After":"5","X-RateLimit-Reset":30}}}}`:             5000,
	} {
		if got := waited(t, 429, body); got != want {
			t.Errorf("%s: %d ms, want %d", body, got, want)
		}
	}
}
