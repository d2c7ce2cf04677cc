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

func (w *world) guestAgain(g *host.Guest) error {
	_, err := ask(w.guest(g.ID, g.Permissions), host.Call{}, "emit_publish", `{"name":"a"}`)
	return err
}
