package host_test

import (
	"fmt"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/host"
	"github.com/carapace-gateway/carapace/wit"
)

func TestJobsAreBounded(t *testing.T) {
	w := newWorld()
	g := w.guest("p", everything())
	for i := range 101 {
		_, err := ask(g, host.Call{}, "schedule_set", fmt.Sprintf(`{"id":"j%d","every":1000}`, i))
		if (wit.CodeOf(err) == wit.CodeTooLarge) != (i == 100) {
			t.Fatalf("job %d: %v", i, err)
		}
	}
	if _, err := ask(g, host.Call{}, "schedule_set", `{"id":"j5","every":2000}`); err != nil {
		t.Errorf("replacing: %v", err)
	}
}

// TestWithoutScheduleAndMedia: a gateway that has neither says so, and does not call it a missing permission.
func TestWithoutScheduleAndMedia(t *testing.T) {
	g := host.New(host.Deps{}).Guest(host.Plugin{ID: "p", Permissions: everything()})
	for name, in := range map[string]string{
		"schedule_set": `{"id":"j","every":1000}`, "schedule_cancel": `{"id":"j"}`, "media_stat": `{"media":"m1"}`,
	} {
		if _, err := ask(g, host.Call{}, name, in); wit.CodeOf(err) != wit.CodeUnavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
}
