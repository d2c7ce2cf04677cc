package channel

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

func TestReconnectDelays(t *testing.T) {
	r, now, down := reconnects{}, time.Now(), errors.New("down")
	for i := range 12 {
		full := min(500*time.Millisecond<<i, time.Minute)
		if d := r.broke("gw", down, time.Second, now); d < full/2 || d > full {
			t.Errorf("end %d: %v of %v", i, d, full)
		}
	}
	away := wit.NewError(wit.CodeUnavailable, "nobody there")
	for i := range 100 {
		full := 5 * time.Second
		if i < 4 {
			full = 500 * time.Millisecond << i
		}
		if d := r.broke("away", away, 0, now); d < full/2 || d > full {
			t.Errorf("attempt %d at one that is away: %v of %v", i, d, full)
		}
	}
	if d := r.broke("away", away, time.Second, now); d > 500*time.Millisecond {
		t.Errorf("the first end after an outage waits %v", d)
	}
	if d := r.broke("other", down, 0, now); d > 500*time.Millisecond {
		t.Errorf("another id waits %v", d)
	}
	for range 12 { // as behind a proxy that ends what lives for half a minute
		if d := r.broke("gw", down, 30*time.Second, now); d > 500*time.Millisecond {
			t.Errorf("one that lasted waits %v", d)
		}
	}
	forbidden := wit.NewError(wit.CodeForbidden, "no")
	if d := r.broke("f", forbidden, 0, now); d != time.Minute {
		t.Errorf("one that is refused waits %v", d)
	}
	if d := r.broke("g", forbidden, time.Second, now); d > time.Second {
		t.Errorf("one that breaks with the same error waits %v", d)
	}
	after := int64(90_000)
	if d := r.broke("h", &wit.Error{Code: wit.CodeRateLimited, RetryAfter: &after}, 0, now); d != 90*time.Second {
		t.Errorf("one whose peer says when waits %v", d)
	}
	for i := range 1000 {
		r.broke(fmt.Sprint(i), down, 0, now)
	}
	if len(r) > maxBreaks {
		t.Errorf("%d ids are remembered", len(r))
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	var cs connections
	for i := range maxConns {
		if c, _, _ := cs.add(t.Context(), wit.OpenConnection{Connection: fmt.Sprint(i)}, 1); c == nil {
			t.Fatalf("connection %d was refused", i)
		}
	}
	if c, _, _ := cs.add(t.Context(), wit.OpenConnection{Connection: "x"}, 1); c != nil {
		t.Error("one too many")
	}
	old := cs.open["3"]
	c, ctx, _ := cs.add(t.Context(), wit.OpenConnection{Connection: "3"}, 1)
	if c == nil || c == old || cs.opened(old, nil, nil) != nil || cs.opened(c, nil, nil) == nil {
		t.Error("a connection takes the place of the one with its id, which is told nothing any more")
	}
	if _, wanted := cs.broke(old, errors.New("x"), 0); wanted {
		t.Error("one that was replaced is opened again")
	}
	n := 0
	for ; n < 1000 && cs.overflow(); n++ {
	}
	if n != maxOverflows {
		t.Errorf("%d refusals wait", n)
	}
	var failed error
	cs.opened(c, func(err error) { failed = err }, nil)
	for range maxFrames {
		cs.send(wit.Frame{Connection: "3"})
	}
	if failed != nil {
		t.Errorf("too early: %v", failed)
	}
	if cs.send(wit.Frame{Connection: "3"}); failed == nil || cs.send(wit.Frame{Connection: "none"}) {
		t.Error("a peer that takes no frames is not given up")
	}
	if cs.clear(); ctx.Err() == nil || !cs.empty() {
		t.Error("cleared, and yet it goes on")
	}
}

// TestALostConnectionHidesNothing: what the plugin said last stays when the owner has to do something about it, and what
// a lost connection said is replaced by the next and taken back.
func TestALostConnectionHidesNothing(t *testing.T) {
	for _, c := range []struct {
		is     wit.ConnectionState
		says   string
		hidden bool
	}{
		{wit.ConnectionStateConnected, "", true}, {wit.ConnectionStateConnecting, "", true},
		{wit.ConnectionStateNeedsLogin, "scan the code", false}, {wit.ConnectionStateFailed, "no such room", false}, {wit.ConnectionStateDisconnected, "as I say", false},
	} {
		r, conn, now := reconnects{}, &connection{id: "gw"}, &report{}
		now.status.State = c.is
		if c.says != "" {
			now.status.Message = &c.says
		}
		for _, reason := range []string{"first", "second"} {
			r.lost(conn, now, reason, false)
			shown := now.status.Message != nil && *now.status.Message == reason && now.status.State == wit.ConnectionStateDisconnected
			if shown != c.hidden || now.lastError != reason {
				t.Errorf("%s %q: the owner sees %s, last error %q", c.is, c.says, now.status.State, now.lastError)
			}
		}
		if r.restored("gw", now) != c.hidden || c.hidden != (now.status.State == wit.ConnectionStateConnected) {
			t.Errorf("%s: restored, and the owner sees %s", c.is, now.status.State)
		}
	}
}
