package gateway_test

import (
	"bufio"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

func TestConnectAndCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, protocol := range []int{3, 4} {
			c := boot(t).connect(client.Options{MinProtocol: protocol, MaxProtocol: protocol, Identity: t.TempDir() + "/key", Scopes: []wire.Scope{wire.ScopeAdmin}})
			if got := c.Hello().Protocol; got != protocol {
				t.Errorf("protocol = %d, want %d", got, protocol)
			}
			var h health
			if err := c.Call(t.Context(), "health", nil, &h); err != nil || !h.OK {
				t.Errorf("health = %v, %v", h, err)
			}
			if e := next(t, c, "health"); e.Seq == 0 || e.Version == nil || string(e.Payload) != `{"ok":true}` {
				t.Errorf("health event = %+v", e)
			}
		}
	})
}

// next returns the next event of a name.
func next(t testing.TB, c *client.Client, name string) client.Event {
	t.Helper()
	for {
		select {
		case e, ok := <-c.Events():
			if !ok {
				t.Fatalf("the connection ended before a %s event: %v", name, c.Err())
			}
			if e.Name == name {
				return e
			}
		case <-t.Context().Done():
			t.Fatalf("no %s event", name)
		}
	}
}

// A client may send connect before it has seen the answer to its upgrade.
func TestEagerClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := boot(t)
		conn, err := r.mem.Dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		connect := strings.Replace(connectFrame, "TOKEN", token, 1)
		go func() {
			_, _ = conn.Write(append([]byte("GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
				"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"), rawFrame(connect)...))
		}()
		b := bufio.NewReader(conn)
		for line := ""; line != "\r\n"; {
			if line, err = b.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
		}
		for _, want := range []string{"connect.challenge", "hello-ok"} {
			if got, err := rawRead(b); err != nil || !strings.Contains(string(got), want) {
				t.Fatalf("got %s, %v, want %s", got, err, want)
			}
		}
	})
}
