package egress_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/wit"
)

// muted is a line on which nothing that is written arrives once it is mute.
type muted struct {
	net.Conn
	mute atomic.Bool
}

func (m *muted) Write(p []byte) (int, error) {
	if m.mute.Load() {
		return len(p), nil
	}
	return m.Conn.Write(p)
}

// mute is a client whose lines all fall mute at a word.
func (n *network) mute(origin string) (c *egress.Client, p egress.Policy, hush func()) {
	var lines []*muted
	c = egress.New(egress.Config{Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := n.dial(ctx, network, addr)
		line := &muted{Conn: conn}
		lines = append(lines, line)
		return line, err
	}})
	n.t.Cleanup(c.Close)
	return c, egress.Policy{Owner: "p", Origins: []string{origin}}, func() {
		for _, line := range lines {
			line.mute.Store(true)
		}
	}
}

// TestSilenceOfAWebSocket is noticed ten seconds after a ping that is not answered, and pings are sent every ten seconds,
// while somebody reads: where nobody does, the silence is our own.
func TestSilenceOfAWebSocket(t *testing.T) {
	for wait, want := range map[time.Duration]time.Duration{0: 20 * time.Second, 9 * time.Second: 20 * time.Second, 19 * time.Second: 30 * time.Second, 61 * time.Second: 80 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			n := newNetwork(t)
			server := n.socket()
			c, p, hush := n.mute(server)
			conn := open(t, c, p, wit.OpenConnection{URL: server})
			start := time.Now()
			read(t, conn)
			hush()
			time.Sleep(wait)
			_, err := conn.Read()
			wantCode(t, err, wit.CodeTimeout)
			if took := time.Since(start); took != want {
				t.Errorf("read from %v on, silence is noticed after %v", wait, took)
			}
		})
	}
}

// TestFramesAreSignsOfLife as good as the answers to pings.
func TestFramesAreSignsOfLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		server := n.serve(func(w http.ResponseWriter, q *http.Request) {
			conn, err := websocket.Accept(w, q, nil)
			if err != nil {
				return
			}
			defer conn.CloseNow()
			for range 20 {
				_ = conn.Write(q.Context(), websocket.MessageText, []byte("x"))
				time.Sleep(7001 * time.Millisecond) // at no time of a ping
			}
		})
		c, p, hush := n.mute(server)
		conn := open(t, c, p, wit.OpenConnection{URL: server})
		hush()
		for range 20 {
			read(t, conn)
		}
		time.Sleep(10 * time.Second) // the server's last nap
	})
}

// TestTheClientsName is one, the plugin's if it gives one.
func TestTheClientsName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		var names []string
		server := n.serve(func(w http.ResponseWriter, q *http.Request) {
			names = q.Header["User-Agent"]
			if conn, err := websocket.Accept(w, q, nil); err == nil {
				_ = conn.CloseNow()
			}
		})
		c, p := n.home(server, egress.Limits{})
		for name, want := range map[string]string{"X-Other": "[carapace]", "User-Agent": "[me]"} {
			open(t, c, p, wit.OpenConnection{URL: server, Headers: []wit.Header{{Name: name, Value: "me"}}})
			if got := fmt.Sprint(names); got != want {
				t.Errorf("with %s: %s", name, got)
			}
		}
	})
}
