package host_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

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
	h := host.New(host.Deps{})
	g := h.Guest(host.Plugin{ID: "p", Permissions: everything()})
	g.Log.Line(hclog.Info, "nobody reads this")
	defer h.Forget("p")
	for name, in := range map[string]string{
		"schedule_set": `{"id":"j","every":1000}`, "schedule_cancel": `{"id":"j"}`, "media_stat": `{"media":"m1"}`,
	} {
		if _, err := ask(g, host.Call{}, name, in); wit.CodeOf(err) != wit.CodeUnavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// full is a schedule that can be changed no more.
type full struct{ host.Scheduler }

var errFull = wit.NewError(wit.CodeUnavailable, "the disk is full")

func (full) Jobs(context.Context, string) ([]string, error)                { return nil, errFull }
func (full) Set(context.Context, string, *wit.ScheduledJob) (int64, error) { return 0, nil }
func (full) Forget(context.Context, string) error                          { return errFull }

// stuck is one that can be read.
type stuck struct{ full }

func (stuck) Jobs(context.Context, string) ([]string, error)                { return nil, nil }
func (stuck) Set(context.Context, string, *wit.ScheduledJob) (int64, error) { return 0, errFull }

// TestAScheduleThatFails is heard of, by the guest or in the log.
func TestAScheduleThatFails(t *testing.T) {
	for name, s := range map[string]host.Scheduler{"reading": full{}, "writing": stuck{}} {
		var log bytes.Buffer
		h := host.New(host.Deps{Schedule: s, Logger: hclog.New(&hclog.LoggerOptions{Output: &log})})
		g := h.Guest(host.Plugin{ID: "p", Permissions: everything()})
		if out, err := ask(g, host.Call{}, "schedule_set", `{"id":"j","every":1000}`); wit.CodeOf(err) != wit.CodeUnavailable {
			t.Errorf("%s: %s %v", name, out, err)
		}
		h.Forget("p")
		if !strings.Contains(log.String(), "plugin=p") || !strings.Contains(log.String(), "the disk is full") {
			t.Errorf("%s: the log: %s", name, log.String())
		}
	}
}

// TestForgetEndsWhatIsOpen: what a plugin that is gone had used of its rates, and its idle connections, at once and not after
// the time that they are kept; another's stay.
func TestForgetEndsWhatIsOpen(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer server.Close()
	w := newWorld()
	w.config[""] = `{"url":"` + server.URL + `"}`
	for _, id := range []string{"p", "other"} {
		if _, err := ask(w.guest(id, everything()), host.Call{}, "http_request", `{"url":"`+server.URL+`"}`); err != nil {
			t.Fatal(err)
		}
	}
	if n := w.open.Load(); n != 2 {
		t.Fatalf("%d connections are open, want one of each", n)
	}
	emit := func() error {
		_, err := ask(w.guest("p", everything()), host.Call{}, "emit_publish", `{"name":"a"}`)
		return err
	}
	for emit() == nil {
	}
	w.host.Forget("p")
	if n := w.open.Load(); n != 1 {
		t.Errorf("%d connections are open, want the other's", n)
	}
	if err := emit(); err != nil {
		t.Errorf("one that is new under its id: %v", err)
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
