package egress_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/wit"
)

const public = "93.184.216.34"

// rig is a client whose names resolve to what a test says, and whose connections to a checked address
// end at a server on this machine.
type rig struct {
	client *egress.Client
	mu     sync.Mutex
	names  map[string][]string // answers, one per lookup; the last one stays
	dials  []string
	server string
}

func newRig(t *testing.T, handler http.HandlerFunc, edit ...func(*egress.Config)) *rig {
	t.Helper()
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	r := &rig{names: map[string][]string{}, server: server.Listener.Addr().String()}
	trust := server.Client().Transport.(*http.Transport).TLSClientConfig
	c := egress.Config{Resolver: r, Dial: r.dial, TLS: &tls.Config{RootCAs: trust.RootCAs}}
	for _, e := range edit {
		e(&c)
	}
	r.client = egress.New(c)
	t.Cleanup(r.client.Close)
	return r
}

func (r *rig) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	answers, known := r.names[host]
	if !known {
		return []netip.Addr{netip.MustParseAddr(public)}, nil
	}
	var found []netip.Addr
	for _, a := range strings.Fields(answers[0]) {
		found = append(found, netip.MustParseAddr(a))
	}
	if len(answers) > 1 {
		r.names[host] = answers[1:]
	}
	return found, nil
}

func (r *rig) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	r.mu.Lock()
	r.dials = append(r.dials, addr)
	r.mu.Unlock()
	return (&net.Dialer{}).DialContext(ctx, network, r.server)
}

func (r *rig) dialed() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.dials...)
}

func secrets(values map[string]string) egress.Credentials {
	return func(name string) (string, error) {
		if v, ok := values[name]; ok {
			return v, nil
		}
		return "", wit.Errorf(wit.CodeForbidden, "credential %s is not granted", name)
	}
}

func wantCode(t *testing.T, err error, want wit.Code) {
	t.Helper()
	if got := wit.CodeOf(err); got != want {
		t.Fatalf("code %q (%v), want %q", got, err, want)
	}
}

// files is a media store in memory.
type files struct {
	mu   sync.Mutex
	held map[string]string
	info map[string]wit.MediaInfo
}

func (f *files) Open(_ context.Context, id string) (io.ReadCloser, wit.MediaInfo, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	data, ok := f.held[id]
	if !ok {
		return nil, wit.MediaInfo{}, wit.Errorf(wit.CodeNotFound, "no file %s", id)
	}
	return io.NopCloser(strings.NewReader(data)), wit.MediaInfo{Media: id, Mime: "image/png", Name: new("a\"b.png"), Size: int64(len(data))}, nil
}

func (f *files) Store(_ context.Context, info wit.MediaInfo, body io.Reader) (string, error) {
	data, err := io.ReadAll(body)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.held["stored"], f.info["stored"] = string(data), info
	return "stored", err
}
