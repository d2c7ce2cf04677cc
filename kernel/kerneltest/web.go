package kerneltest

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/carapace-gateway/carapace/kernel"
)

// Web is what a kernel finds on the internet: one https server behind every name, example.com and those below it for
// certificates' sake.
type Web struct {
	mu    sync.Mutex
	names map[string][]string
	dials []string
}

// NewWeb serves the web by handler to a kernel with the option that it returns. It ends with the test.
func NewWeb(t testing.TB, handler http.HandlerFunc) (*Web, Option) {
	t.Helper()
	w := &Web{names: map[string][]string{}}
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	trust := server.Client().Transport.(*http.Transport).TLSClientConfig
	return w, func(o *kernel.Options) {
		o.Egress.Resolver, o.Egress.TLS = w, &tls.Config{RootCAs: trust.RootCAs}
		o.Egress.Dial = func(ctx context.Context, network, addr string) (net.Conn, error) {
			w.mu.Lock()
			w.dials = append(w.dials, addr)
			w.mu.Unlock()
			return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
		}
	}
}

// Name gives a name its addresses, with blanks between those of one answer; a further answer is for the next time that it is
// asked for, and the last one stays. A name that has none is at a public address.
func (w *Web) Name(host string, answers ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.names[host] = answers
}

// Dialed are the addresses that were connected to.
func (w *Web) Dialed() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.dials...)
}

// LookupNetIP implements egress.Resolver.
func (w *Web) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	answers := w.names[host]
	if len(answers) == 0 {
		answers = []string{"93.184.216.34"}
	}
	if len(answers) > 1 {
		w.names[host] = answers[1:]
	}
	var found []netip.Addr
	for _, a := range strings.Fields(answers[0]) {
		found = append(found, netip.MustParseAddr(a))
	}
	return found, nil
}
