package egress_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/wit"
)

// TestKeptConnections are closed at once when their owner is forgotten, or makes place for others; else when nobody has
// used them for a while.
func TestKeptConnections(t *testing.T) {
	const pools = 256
	for name, tt := range map[string]struct {
		owners int
		after  func(*egress.Client)
		closed time.Duration // the first one
	}{
		"kept":       {1, func(*egress.Client) {}, 90 * time.Second},
		"another's":  {1, func(c *egress.Client) { c.Forget("owner-1") }, 90 * time.Second},
		"forgotten":  {1, func(c *egress.Client) { c.Forget("owner-0") }, 0},
		"at the end": {1, (*egress.Client).Close, 0},
		"many":       {pools, func(*egress.Client) {}, 90 * time.Second},
		"too many":   {pools + 1, func(*egress.Client) {}, 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			n := newNetwork(t)
			start := time.Now()
			closed := make(chan time.Duration, tt.owners)
			addr := n.talk(func(conn net.Conn) {
				for b := bufio.NewReader(conn); ; {
					if _, err := http.ReadRequest(b); err != nil {
						closed <- time.Since(start)
						return
					}
					_, _ = io.WriteString(conn, "HTTP/1.1 204 No Content\r\n\r\n")
				}
			})
			c, p := n.home("http://"+addr, egress.Limits{})
			for owner := range tt.owners {
				p.Owner = fmt.Sprint("owner-", owner)
				if _, err := c.Do(t.Context(), p, nil, &wit.HTTPRequest{URL: "http://" + addr}); err != nil {
					t.Fatal(err)
				}
			}
			tt.after(c)
			if first := <-closed; first != tt.closed {
				t.Errorf("%s: closed after %v", name, first)
			}
		})
	}
}

// TestNewerHTTP is spoken with who knows it.
func TestNewerHTTP(t *testing.T) {
	var spoken string
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, q *http.Request) { spoken = q.Proto }))
	server.EnableHTTP2 = true
	r := rigOn(t, server)
	if _, err := r.client.Do(t.Context(), anyHost, nil, &wit.HTTPRequest{URL: "https://api.example.com/"}); err != nil || spoken != "HTTP/2.0" {
		t.Errorf("%s, %v", spoken, err)
	}
}
