package host_test

import (
	"context"
	"net/http"
	"net/http/httptest"
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
			"kv_delete":       {`{"key":"a"}`, wit.LimitKVWriteBurst, 10},
			"schedule_set":    {`{"id":"j","every":1000}`, wit.LimitScheduleBurst, 200},
			"schedule_cancel": {`{"id":"j"}`, wit.LimitScheduleBurst, 200},
		} {
			time.Sleep(time.Hour) // the same bucket serves two of them
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

// TestRequestsAreBounded: requests, streams and connections, a guest's and the kernel's for it, count as one.
func TestRequestsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		g := w.guest("p", everything())
		req := &wit.HTTPRequest{URL: "https://elsewhere.example/"}
		kinds := map[string]func() error{
			"a request": func() error { _, err := g.HTTP.Do(t.Context(), "", req); return err },
			"a stream":  func() error { _, err := g.HTTP.Stream(t.Context(), "", req, 0); return err },
			"a guest's": func() error {
				_, err := ask(g, host.Call{}, "http_request", `{"url":"https://elsewhere.example/"}`)
				return err
			},
			"an embedded file": func() error {
				_, err := g.HTTP.Do(t.Context(), "", &wit.HTTPRequest{URL: req.URL, Embed: []string{"m1"}})
				return err
			},
			"a connection": func() error {
				_, err := g.Connections.Open(t.Context(), "", nil, &wit.OpenConnection{URL: "wss://elsewhere.example/"})
				return err
			},
		}
		for name, kind := range kinds {
			time.Sleep(time.Hour)
			for n := range wit.LimitHTTPBurst {
				if err := kind(); wit.CodeOf(err) != wit.CodeForbidden {
					t.Fatalf("%s, %d: %v", name, n, err)
				}
			}
			for other, kind := range kinds {
				if e := wit.AsError(kind()); e.Code != wit.CodeRateLimited || e.RetryAfter == nil {
					t.Errorf("%s after as many of %s: %v", other, name, e)
				}
			}
		}
	})
}

// TestGuestsWait: so many requests of a plugin run at a time, and each ends with giving its place to the next.
func TestGuestsWait(t *testing.T) {
	arrived, release := make(chan struct{}, 100), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-release
	}))
	defer server.Close()
	w := newWorld()
	w.config[""] = `{"url":"` + server.URL + `"}`
	g := w.guest("p", everything())
	request := func(ctx context.Context) error {
		_, err := g.Functions()["http_request"](ctx, []byte(`{"url":"`+server.URL+`"}`))
		return err
	}
	errs := make(chan error, 100)
	for range 2 * wit.LimitHTTPAtOnce {
		go func() { errs <- request(t.Context()) }()
	}
	for range wit.LimitHTTPAtOnce {
		<-arrived
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := request(ended); wit.CodeOf(err) != wit.CodeTimeout || len(arrived) > 0 {
		t.Errorf("%v, %d more than may", err, len(arrived))
	}
	close(release)
	for range 2 * wit.LimitHTTPAtOnce {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
}

func (w *world) guestAgain(g *host.Guest) error {
	_, err := ask(w.guest(g.ID, g.Permissions), host.Call{}, "emit_publish", `{"name":"a"}`)
	return err
}
