package servers_test

import (
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
)

// proxy stands in front of a server, so that connections to it can be broken while it goes on.
type proxy struct {
	listener net.Listener
	port     int // of the server

	mu      sync.Mutex
	stopped bool
	conns   map[net.Conn]bool
}

func newProxy(t *testing.T, port int) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, port: port, conns: map[net.Conn]bool{}}
	t.Cleanup(func() {
		_ = l.Close()
		p.cut()
	})
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go p.join(conn)
		}
	}()
	return p
}

func (p *proxy) addr() string { return p.listener.Addr().String() }

// join connects a client with the server until one of them ends it.
func (p *proxy) join(conn net.Conn) {
	defer conn.Close()
	back, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", p.port))
	if err != nil || !p.keep(conn, back) {
		return
	}
	go func() {
		_, _ = io.Copy(back, conn)
		_ = back.Close()
	}()
	_, _ = io.Copy(conn, back)
}

// keep notes a pair of connections, unless none is let through.
func (p *proxy) keep(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		p.conns[c] = true
		if p.stopped {
			_ = c.Close()
		}
	}
	return !p.stopped
}

// cut breaks all connections.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
	clear(p.conns)
}

// stop breaks all connections and lets none through until goOn.
func (p *proxy) stop() {
	p.mu.Lock()
	p.stopped = true
	p.mu.Unlock()
	p.cut()
}

func (p *proxy) goOn() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = false
}
