package gateway_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/gateway"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/gateway/gatewaytest"
)

// world is a listener that is dialled from any address.
type world struct {
	*gatewaytest.Listener
	mu   sync.Mutex
	next chan string
}

func newWorld() *world {
	return &world{Listener: gatewaytest.NewListener(), next: make(chan string, 1)}
}

// placed is a connection with an address.
type placed struct {
	net.Conn
	ip string
}

func (p placed) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.ParseIP(p.ip), Port: 40000} }

func (w *world) Accept() (net.Conn, error) {
	c, err := w.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return placed{c, <-w.next}, nil
}

// dial connects from an address.
func (w *world) dial(t *testing.T, ip string) net.Conn {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next <- ip
	c, err := w.Dial(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// open reports whether a connection is served: it asks for something small.
func open(c net.Conn) bool {
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(c, "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		return false
	}
	b := make([]byte, 12)
	_, err := io.ReadFull(c, b)
	return err == nil && string(b) == "HTTP/1.1 200"
}

func bootWorld(t *testing.T, l gateway.Limits, opts ...rigOption) (*rig, *world) {
	t.Helper()
	w := newWorld()
	return bootOn(t, []net.Listener{w}, append(opts, limits(l))...), w
}

func far(n int) string { return fmt.Sprintf("198.51.100.%d", n) }

// TestIdleConnectionsOfOneAddress: an address can hold a few connections that ask for nothing, and no more.
func TestIdleConnectionsOfOneAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, w := bootWorld(t, gateway.Limits{MaxPerIP: 3})
		held := []net.Conn{w.dial(t, far(1)), w.dial(t, far(1)), w.dial(t, far(1))}
		if open(w.dial(t, far(1))) {
			t.Error("a fourth connection of one address")
		}
		if !open(w.dial(t, far(2))) {
			t.Error("another address has to pay")
		}
		for n := range 10 {
			if !open(w.dial(t, "127.0.0.1")) {
				t.Fatalf("this machine's connection %d", n)
			}
		}
		for n, c := range held {
			if !open(c) {
				t.Errorf("connection %d was served no more", n)
			}
		}
		_ = held[0].Close()
		for !open(w.dial(t, far(1))) { // its end is noticed soon
			runtime.Gosched()
		}
	})
}

// TestTheLongestIdleMakesPlace: however many addresses hold connections, who comes with a request is served, and who has
// logged in stays.
func TestTheLongestIdleMakesPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := bootWorld(t, gateway.Limits{MaxStrangers: 16})
		var owners []*client.Client
		for n := range 30 {
			c, err := client.Dial(t.Context(), client.Options{URL: "ws://gateway", Token: token,
				Dial: func(context.Context, string, string) (net.Conn, error) { return w.dial(t, far(n)), nil }})
			if err != nil {
				t.Fatalf("login %d: %v", n, err)
			}
			owners = append(owners, c)
		}
		for n := range 100 {
			w.dial(t, far(n))
		}
		if !open(w.dial(t, far(200))) {
			t.Error("a request of another machine")
		}
		if !open(w.dial(t, "127.0.0.1")) {
			t.Error("a request of this machine")
		}
		r.connect(client.Options{})
		for n, c := range owners {
			if err := c.Call(t.Context(), "health", nil, nil); err != nil {
				t.Errorf("client %d: %v", n, err)
			}
			_ = c.Close()
		}
	})
}

// slow are the ways to hold a connection with something that never ends.
var slow = map[string]func(t *testing.T, c net.Conn){
	"headers": func(_ *testing.T, c net.Conn) {
		_, _ = io.WriteString(c, "GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
	},
	"bodies": func(_ *testing.T, c net.Conn) {
		_, _ = io.WriteString(c, "POST /body HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{")
	},
	"handshakes": func(t *testing.T, c net.Conn) {
		_, _ = io.WriteString(c, "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
		b := make([]byte, 12)
		if _, err := io.ReadFull(c, b); err != nil || !strings.HasSuffix(string(b), "101") {
			t.Fatalf("%q, %v", b, err)
		}
	},
	"keep-alive": func(t *testing.T, c net.Conn) {
		if !open(c) {
			t.Fatal("it is not served")
		}
	},
	"silence": func(*testing.T, net.Conn) {},
}

// TestNobodyIsKeptOut: whatever strangers hold connections with, from other machines, from any address of this one, or
// through a proxy on it, who comes is served, and the owner logs in.
func TestNobodyIsKeptOut(t *testing.T) {
	body := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
	for name, address := range map[string]func(n int) string{
		"others": far, "one": func(int) string { return far(1) }, "this machine": func(int) string { return "127.0.0.1" },
		"all of loopback": func(n int) string { return fmt.Sprintf("127.0.%d.%d", n/200, 1+n%200) },
	} {
		for what, hold := range slow {
			t.Run(what+" of "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r, w := bootWorld(t, gateway.Limits{MaxStrangers: 16, MaxPerIP: 40}, func(_ *authDeps, g *gateway.Deps) {
						g.Routes = []gateway.Route{{Pattern: "/body", Handler: body}}
					})
					for n := range 40 {
						hold(t, w.dial(t, address(n)))
						synctest.Wait()
					}
					if !open(w.dial(t, far(200))) {
						t.Error("another machine is kept out")
					}
					if !open(w.dial(t, "127.0.0.1")) {
						t.Error("this machine is kept out")
					}
					for range 3 {
						c := r.connect(client.Options{})
						for n := range 20 {
							hold(t, w.dial(t, address(n)))
						}
						synctest.Wait()
						if err := c.Call(t.Context(), "health", nil, nil); err != nil {
							t.Errorf("who has logged in: %v", err)
						}
						_ = c.Close()
					}
				})
			})
		}
	}
}

// TestStopDoesNotWaitForIdleConnections, also for those that never asked for anything.
func TestStopDoesNotWaitForIdleConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := bootWorld(t, gateway.Limits{Drain: time.Hour})
		silent, asked := w.dial(t, far(1)), w.dial(t, far(2))
		if !open(asked) {
			t.Fatal("it was not answered")
		}
		go func() { _, _ = io.Copy(io.Discard, asked) }() // the rest of the answer
		synctest.Wait()
		start := time.Now()
		r.stop()
		if took := time.Since(start); took > time.Second {
			t.Errorf("stopping took %v", took)
		}
		if open(silent) {
			t.Error("the connection is open")
		}
	})
}
