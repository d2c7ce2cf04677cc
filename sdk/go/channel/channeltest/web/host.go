// Package web is what the test servers stand on of platforms that speak HTTP. What a platform answers is the server's own.
package web

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/change"
)

// Host is where a test server is reached, and what goes on there until it is closed. A server embeds it, and with it what waits for
// things to happen. It may be used by several goroutines.
type Host struct {
	change.Signal
	// Life ends when the host is closed.
	Life context.Context

	end     context.CancelFunc
	work    sync.WaitGroup
	handler http.Handler

	mu   sync.Mutex
	http *http.Server
	root string
}

// New returns a host that does not listen yet. Close it.
func New(handler http.Handler) *Host {
	life, end := context.WithCancel(context.Background())
	return &Host{handler: handler, Life: life, end: end}
}

// Listen serves on addr (127.0.0.1:0 picks a port) and returns the address as a URL, such as http://127.0.0.1:4000.
func (h *Host) Listen(addr string) (url string, err error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: h.handler, ReadHeaderTimeout: 10 * time.Second}
	h.mu.Lock()
	h.http, h.root = server, "http://"+l.Addr().String()
	h.mu.Unlock()
	h.work.Go(func() { _ = server.Serve(l) })
	return h.Root(), nil
}

// Use says under which URL the server is reached, where somebody else serves it.
func (h *Host) Use(url string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.root = url
}

// Root is the URL under which the server is reached.
func (h *Host) Root() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.root
}

// Go does something beside what is answered, unless the host is closed. Close waits for it: it ends with Life.
func (h *Host) Go(do func()) {
	if h.Life.Err() == nil {
		h.work.Go(do)
	}
}

// Pause waits for d, and reports false where the host was closed before that.
func (h *Host) Pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-h.Life.Done():
		return false
	}
}

// Close ends Life, the listener and its connections, and waits for what goes on.
func (h *Host) Close() error {
	h.end()
	h.mu.Lock()
	server := h.http
	h.mu.Unlock()
	var err error
	if server != nil {
		err = server.Close()
	}
	h.work.Wait()
	return err
}
