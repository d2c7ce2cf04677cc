package progress_test

import (
	"slices"
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go/channel/progress"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
)

func TestProgress(t *testing.T) {
	host := new(sdktest.Host)
	first := progress.Load(host.SDK(), "k", 3)
	first.Add("a")
	first.Add("b")
	for name, tt := range map[string]struct {
		key   string
		parts int
		want  []string
	}{
		"again":           {"k", 3, []string{"a", "b"}},
		"another":         {"j", 3, nil},
		"one part":        {"k", 1, nil},
		"without a key":   {"", 3, nil},
		"fewer than sent": {"k", 2, []string{"a", "b"}},
	} {
		if got := progress.Load(host.SDK(), tt.key, tt.parts).Sent; !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
	alone := progress.Load(host.SDK(), "alone", 1)
	if alone.Add("x"); len(alone.Sent) != 1 || len(progress.Load(host.SDK(), "alone", 2).Sent) != 0 {
		t.Error("a message of one part is remembered")
	}
}
