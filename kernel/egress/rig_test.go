package egress_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/kernel/gateway/gatewaytest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest/bubble"
	"github.com/carapace-gateway/carapace/wit"
)

const public = "93.184.216.34"

// rig is a client whose names resolve to what a test says, and whose connections to a checked address
// end at one server.
type rig struct {
	client *egress.Client
	mu     sync.Mutex
	names  map[string][]string // answers, one per lookup; the last one stays
	dials  []string
	reach  func(context.Context, string, string) (net.Conn, error)
}

// newRig has its server on this machine.
func newRig(t *testing.T, handler http.HandlerFunc, edit ...func(*egress.Config)) *rig {
	t.Helper()
	return rigOn(t, httptest.NewUnstartedServer(handler), edit...)
}

func rigOn(t *testing.T, server *httptest.Server, edit ...func(*egress.Config)) *rig {
	t.Helper()
	addr := server.Listener.Addr().String()
	return rigOf(t, server, func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}, edit)
}

// newInnerRig has its server inside the process, for a bubble.
func newInnerRig(t *testing.T, handler http.HandlerFunc, edit ...func(*egress.Config)) *rig {
	t.Helper()
	bubble.Limit(t)
	server, mem := httptest.NewUnstartedServer(handler), gatewaytest.NewListener()
	_ = server.Listener.Close()
	server.Listener = mem
	return rigOf(t, server, mem.Dial, edit)
}

func rigOf(t *testing.T, server *httptest.Server, reach func(context.Context, string, string) (net.Conn, error), edit []func(*egress.Config)) *rig {
	t.Helper()
	server.StartTLS()
	t.Cleanup(server.Close)
	r := &rig{names: map[string][]string{}, reach: reach}
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
	return r.reach(ctx, network, addr)
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
	// fault is why nothing can be stored.
	fault error
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
	return "stored", errors.Join(f.fault, err)
}

// network is one inside the process, for a bubble: it has no delays, and its clock is the bubble's.
type network struct {
	t         *testing.T
	mu        sync.Mutex
	listeners map[string]*gatewaytest.Listener // by address
}

func newNetwork(t *testing.T) *network {
	bubble.Limit(t)
	return &network{t: t, listeners: map[string]*gatewaytest.Listener{}}
}

// listen returns a listener on an address of its own, open until the test ends.
func (n *network) listen() (l net.Listener, addr string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	mem := gatewaytest.NewListener()
	n.t.Cleanup(func() { _ = mem.Close() })
	addr = fmt.Sprintf("10.0.0.1:%d", 7000+len(n.listeners))
	n.listeners[addr] = mem
	return mem, addr
}

func (n *network) dial(ctx context.Context, kind, addr string) (net.Conn, error) {
	n.mu.Lock()
	l := n.listeners[addr]
	n.mu.Unlock()
	if l == nil {
		return nil, errors.New("nobody listens at " + addr)
	}
	return l.Dial(ctx, kind, addr)
}

// home is a client on the network, and a policy for a server that the owner configured.
func (n *network) home(origin string, limits egress.Limits) (*egress.Client, egress.Policy) {
	c := egress.New(egress.Config{Dial: n.dial, Limits: limits})
	n.t.Cleanup(c.Close)
	return c, egress.Policy{Owner: "p", Origins: []string{origin}}
}

// serve is an HTTP server; the contexts of its requests end with the test.
func (n *network) serve(handler http.HandlerFunc) (url string) {
	l, addr := n.listen()
	ctx, cancel := context.WithCancel(context.Background())
	s := &http.Server{Handler: handler, BaseContext: func(net.Listener) context.Context { return ctx }}
	n.t.Cleanup(func() { cancel(); _ = s.Close() })
	go func() { _ = s.Serve(l) }()
	return "http://" + addr
}

// talk is a server that calls each once for each connection, which ends when it returns.
func (n *network) talk(each func(net.Conn)) (addr string) {
	l, addr := n.listen()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				each(conn)
			}()
		}
	}()
	return addr
}

// socket is a websocket server that greets with what the handshake said, and echoes.
func (n *network) socket() (url string) {
	return n.serve(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"chat"}})
		if err != nil {
			return
		}
		defer conn.CloseNow()
		conn.SetReadLimit(4 << 20)
		hello := fmt.Sprint(r.URL.RequestURI(), " ", r.Header.Get("Authorization"), " ", conn.Subprotocol())
		_ = conn.Write(r.Context(), websocket.MessageText, []byte(hello))
		for {
			kind, data, err := conn.Read(r.Context())
			switch {
			case err != nil:
				return
			case string(data) == "deaf":
				<-r.Context().Done()
			case string(data) == "bye":
				_ = conn.Close(4004, "go away")
				return
			case string(data) == "flood":
				data = make([]byte, 1<<20+1)
			}
			_ = conn.Write(r.Context(), kind, data)
		}
	})
}

// lines is a server that answers each line with what it read, quoted, and the words of script raw.
func (n *network) lines(script map[string]string) (addr string) {
	return n.talk(func(conn net.Conn) {
		r := bufio.NewReader(conn)
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			raw, ok := script[strings.TrimSpace(line)]
			if !ok {
				raw = fmt.Sprintf("%q\n", line)
			}
			if _, err := fmt.Fprint(conn, raw); err != nil || !strings.HasSuffix(raw, "\n") {
				return
			}
		}
	})
}
