package host_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/host"
	"github.com/carapace-gateway/carapace/wit"
)

func TestRates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		g := w.guest("p", everything())
		emit := func() error { _, err := ask(g, host.Call{}, "emit_publish", `{"name":"a"}`); return err }
		seen := 0
		cancel := host.EmittedKind.Subscribe(w.bus, func(host.Emitted) { seen++ })
		defer cancel()
		for range 100 {
			if err := emit(); err != nil {
				t.Fatal(err)
			}
		}
		err := emit()
		if e := wit.AsError(err); e.Code != wit.CodeRateLimited || !e.Retryable || *e.RetryAfter != 50 {
			t.Errorf("over the rate: %+v", e)
		}
		time.Sleep(50 * time.Millisecond)
		if err := w.guestAgain(g); err != nil || seen != 101 {
			t.Errorf("after a wait, by the next version: %v, %d events", err, seen)
		}
		for range 700 {
			_, _ = ask(g, host.Call{}, "log_write", `{"message":"x"}`)
		}
		time.Sleep(time.Second)
		_, _ = ask(g, host.Call{}, "log_write", `{"message":"`+strings.Repeat("y", 5000)+`"}`)
		text := w.log.String()
		if n := strings.Count(text, ": x\n"); n != 500 || !strings.Contains(text, "lines=200") {
			t.Errorf("%d lines kept", n)
		}
		if strings.Contains(text, strings.Repeat("y", 4097)) {
			t.Error("a line was not cut")
		}
	})
}

// TestWritesAreBounded: a plugin that writes without end is told to wait; looking costs nothing.
func TestWritesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		g := w.guest("p", everything())
		for name, c := range map[string]struct {
			input string
			burst int
			wait  int64
		}{
			"kv_put":          {`{"key":"a","value":"1"}`, wit.LimitKVWriteBurst, 10},
			"schedule_cancel": {`{"id":"j"}`, wit.LimitScheduleBurst, 200},
		} {
			for range c.burst {
				if _, err := ask(g, host.Call{}, name, c.input); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
			}
			for range 2 { // the next version has no more
				_, err := ask(g, host.Call{}, name, c.input)
				if e := wit.AsError(err); e.Code != wit.CodeRateLimited || e.RetryAfter == nil || *e.RetryAfter != c.wait {
					t.Errorf("%s over the rate: %+v", name, e)
				}
				g = w.guest("p", everything())
			}
			time.Sleep(time.Duration(c.wait) * time.Millisecond)
			if _, err := ask(g, host.Call{}, name, c.input); err != nil {
				t.Errorf("%s after a wait: %v", name, err)
			}
		}
		if _, err := ask(g, host.Call{}, "kv_get", `{"key":"a"}`); err != nil {
			t.Errorf("looking: %v", err)
		}
	})
}

func (w *world) guestAgain(g *host.Guest) error {
	_, err := ask(w.guest(g.ID, g.Permissions), host.Call{}, "emit_publish", `{"name":"a"}`)
	return err
}
