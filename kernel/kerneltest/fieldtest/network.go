package fieldtest

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/carapace-gateway/carapace/kernel"
	"github.com/carapace-gateway/carapace/kernel/gateway/gatewaytest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
)

// Network is a network inside the process, so that a case can run in a bubble of testing/synctest, where waiting
// takes no time: connections are pipes, which the bubble sees. The zero value is an empty one.
type Network struct {
	mu    sync.Mutex
	hosts map[string]*gatewaytest.Listener
}

// Serve lets a handler answer at an address, such as 127.0.0.1:1, until the test ends.
func (n *Network) Serve(t *testing.T, address string, handler http.Handler) {
	listener := gatewaytest.NewListener()
	n.mu.Lock()
	if n.hosts == nil {
		n.hosts = map[string]*gatewaytest.Listener{}
	}
	n.hosts[address] = listener
	n.mu.Unlock()
	server := &http.Server{Handler: handler}
	var running sync.WaitGroup
	running.Go(func() { _ = server.Serve(listener) })
	t.Cleanup(func() {
		_ = server.Close()
		_ = listener.Close()
		running.Wait()
	})
}

// Option lets a kernel's plugins reach this network and no other one.
func (n *Network) Option() kerneltest.Option {
	return func(o *kernel.Options) { o.Egress.Dial = n.dial }
}

func (n *Network) dial(ctx context.Context, network, address string) (net.Conn, error) {
	n.mu.Lock()
	host := n.hosts[address]
	n.mu.Unlock()
	if host == nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: net.UnknownNetworkError(address)}
	}
	return host.Dial(ctx, network, address)
}
