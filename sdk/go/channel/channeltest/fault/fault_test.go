package fault_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/fault"
)

func TestFaultsWaitInOrder(t *testing.T) {
	type f struct{ call, what string }
	var q fault.Queue[f]
	for _, w := range []struct {
		f
		times int
	}{{f{"send", "first"}, 0}, {f{"", "second"}, 2}, {f{"send", "ever"}, -1}} {
		q.Add(w.f, w.times)
	}
	for i, c := range []struct{ call, want string }{
		{"read", "second"}, {"send", "first"}, {"send", "second"}, {"read", ""}, {"send", "ever"}, {"send", "ever"}, {"send", "ever"},
	} {
		got := ""
		if found := q.Take(func(f *f) bool { return f.call == "" || f.call == c.call }); found != nil {
			got = found.what
		}
		if got != c.want {
			t.Errorf("%d: %q, want %q", i, got, c.want)
		}
	}
}
