package wait_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/wait"
	"github.com/carapace-gateway/carapace/wit"
)

// TestWaits: what a head and a body ask for, in milliseconds, and which of them counts.
func TestWaits(t *testing.T) {
	for name, c := range map[string]struct {
		header, value, body string
		limited             bool
		want                int64
	}{
		"seconds":            {"Retry-After", "2.5", `{}`, false, 2500},
		"the longer one":     {"Retry-After", "2", `{"retry_after":7}`, false, 7000},
		"google's":           {"Date", "x", `{"details":[{"retryDelay":"34.5s"}]}`, true, 34_500},
		"in words":           {"Date", "x", `{"message":"try again in 1m30s."}`, true, 90_000},
		"a limit's reset":    {"x-ratelimit-reset-requests", "6m0s", `{}`, true, 360_000},
		"which was no limit": {"x-ratelimit-reset-requests", "6m0s", `{}`, false, 0},
		"nothing":            {"Date", "x", `{}`, true, 0},
	} {
		body, err := json.ParseText(c.body)
		if err != nil {
			t.Fatal(err)
		}
		head := wait.Head([]wit.Header{{Name: c.header, Value: c.value}})
		if got := head.Longer(wait.Body(body, body.Get("message").Text()), c.limited); got != c.want {
			t.Errorf("%s: %d ms, want %d", name, got, c.want)
		}
	}
}
