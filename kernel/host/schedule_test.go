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

// TestForgetEndsJobs: a plugin that is gone has no jobs any more, but its records; others keep theirs.
func TestForgetEndsJobs(t *testing.T) {
	w := newWorld()
	for _, id := range []string{"p", "pp"} {
		g := w.guest(id, everything())
		for name, in := range map[string]string{"schedule_set": `{"id":"j","every":1000}`, "kv_put": `{"key":"k","value":"v"}`} {
			if _, err := ask(g, host.Call{}, name, in); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.host.Forget("p")
	if len(w.jobs) != 1 || w.jobs["pp/j"] == nil {
		t.Errorf("jobs left: %v", w.jobs)
	}
	if out, err := ask(w.guest("p", everything()), host.Call{}, "kv_get", `{"key":"k"}`); out != `{"value":"v"}` || err != nil {
		t.Errorf("its record: %s %v", out, err)
	}
}
