package gateway_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/gateway"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

func TestStopLetsRequestsFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		started, release := make(chan struct{}), make(chan struct{})
		r := boot(t, methods(rpc.New("slow", wire.ScopeRead, func(ctx context.Context, _ rpc.None) (string, error) {
			close(started)
			<-release
			return "done", ctx.Err()
		})))
		c := r.connect(client.Options{})
		answer := make(chan error, 1)
		var got string
		go func() { answer <- c.Call(context.Background(), "slow", nil, &got) }()
		<-started
		stopped := make(chan struct{})
		go func() { r.stop(); close(stopped) }()
		if e := next(t, c, "shutdown"); !strings.Contains(string(e.Payload), `"reason"`) {
			t.Errorf("shutdown = %s", e.Payload)
		}
		if err := c.Call(t.Context(), "slow", nil, nil); wit.CodeOf(err) != wit.CodeUnavailable {
			t.Errorf("a request while stopping: %v", err)
		}
		close(release)
		if err := <-answer; err != nil || got != "done" {
			t.Errorf("the request that ran: %q, %v", got, err)
		}
		<-stopped
		<-c.Done()
		if err := c.Err(); err == nil || !strings.Contains(err.Error(), "gateway stopping") {
			t.Errorf("the connection ended with %v", err)
		}
	})
}

func TestStopDoesNotWaitForEver(t *testing.T) {
	r := boot(t, limits(gateway.Limits{Drain: 50 * time.Millisecond}), methods(rpc.New("stuck", wire.ScopeRead, func(ctx context.Context, _ rpc.None) (string, error) {
		<-ctx.Done()
		return "", ctx.Err()
	})))
	c := r.connect(client.Options{})
	go func() { _ = c.Call(context.Background(), "stuck", nil, nil) }()
	r.enter(nil) // reads nothing any more
	start := time.Now()
	r.stop()
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("stopping took %v", took)
	}
}

func TestTwoGatewaysInOneProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kind := event.Kind[id]{Name: "chat", Scope: wire.ScopeRead}
		a, b := boot(t), boot(t)
		ca, cb := a.connect(client.Options{}), b.connect(client.Options{})
		kind.Publish(a.bus, id{1})
		kind.Publish(b.bus, id{2})
		for c, want := range map[*client.Client]string{ca: `{"n":1}`, cb: `{"n":2}`} {
			if e := next(t, c, "chat"); string(e.Payload) != want {
				t.Errorf("got %s, want %s", e.Payload, want)
			}
		}
		a.stop()
		if err := cb.Call(t.Context(), "health", nil, nil); err != nil {
			t.Errorf("the other one after the first stopped: %v", err)
		}
	})
}
