package egress_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/wit"
)

func open(t *testing.T, c *egress.Client, p egress.Policy, o wit.OpenConnection) *egress.Conn {
	t.Helper()
	creds := secrets(map[string]string{"token": `s3"cret`})
	conn, err := c.Open(t.Context(), p, creds, &o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func read(t *testing.T, c *egress.Conn) wit.Frame {
	t.Helper()
	f, err := c.Read()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func write(t *testing.T, c *egress.Conn, f wit.Frame) {
	t.Helper()
	if err := c.Write(f); err != nil {
		t.Fatal(err)
	}
}

func textFrame(s string) wit.Frame { return wit.Frame{Text: &s} }

func TestWebSocket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		server := n.socket()
		c, p := n.home(server+"/gw", egress.Limits{})
		ws := "ws" + strings.TrimPrefix(server, "http")
		conn := open(t, c, p, wit.OpenConnection{URL: ws + "/gw/{{credential:token}}?q={{credential:token}}", Headers: []wit.Header{
			{Name: "Authorization", Value: "Bot {{credential:token}}"}, {Name: "Sec-WebSocket-Protocol", Value: "other, chat"}}})
		if got := *read(t, conn).Text; got != `/gw/s3%22cret?q={{credential:token}} Bot s3"cret chat` {
			t.Errorf("the server saw %s", got)
		}
		for _, tt := range []struct {
			send wit.Frame
			want string
		}{
			{textFrame("hé"), "hé"},
			{wit.Frame{Text: new("{{credential:token}}")}, "{{credential:token}}"},
			{wit.Frame{Text: new("I am {{credential:token}}"), Fill: true}, `I am s3"cret`},
			{wit.Frame{Text: new(`{"token":"{{credential:token}}"}`), Fill: true}, `{"token":"s3\"cret"}`},
			{textFrame(strings.Repeat("x", 1<<20)), strings.Repeat("x", 1<<20)},
		} {
			write(t, conn, tt.send)
			if got := *read(t, conn).Text; got != tt.want {
				t.Errorf("%.60q came back as %.60q", *tt.send.Text, got)
			}
		}
		write(t, conn, wit.Frame{Bytes: []byte{0, 255}})
		if got := read(t, conn); got.Text != nil || string(got.Bytes) != "\x00\xff" {
			t.Errorf("%+v", got)
		}
		write(t, conn, textFrame("bye"))
		_, err := conn.Read()
		if end := (*egress.ClosedError)(nil); !errors.As(err, &end) || end.Code != 4004 || end.Reason != "go away" {
			t.Errorf("closed: %v", err)
		}
		filled := open(t, c, p, wit.OpenConnection{URL: ws + "/gw?q={{credential:token}}", Fill: true})
		if got := *read(t, filled).Text; !strings.HasPrefix(got, "/gw?q=s3%22cret ") {
			t.Errorf("the server saw %s", got)
		}
	})
}

func TestConnectionsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		server := n.socket()
		c, p := n.home(server, egress.Limits{})
		for name, tt := range map[string]struct {
			send wit.Frame
			want wit.Code
		}{
			"too large to send":  {textFrame(strings.Repeat("x", 1<<20+1)), wit.CodeTooLarge},
			"text and bytes":     {wit.Frame{Text: new("x"), Bytes: []byte("y")}, wit.CodeInvalid},
			"another credential": {wit.Frame{Text: new("{{credential:other}}"), Fill: true}, wit.CodeForbidden},
		} {
			conn := open(t, c, p, wit.OpenConnection{URL: server})
			if err := conn.Write(tt.send); wit.CodeOf(err) != tt.want {
				t.Errorf("%s: %v", name, err)
			}
			if _, err := conn.Read(); err == nil {
				_, err = conn.Read() // the greeting may have been there already
				wantCode(t, err, wit.CodeUnavailable)
			}
		}
		conn := open(t, c, p, wit.OpenConnection{URL: server})
		read(t, conn)
		write(t, conn, textFrame("flood"))
		_, err := conn.Read()
		wantCode(t, err, wit.CodeTooLarge)

		ctx, cancel := context.WithCancel(t.Context())
		ended, err := c.Open(ctx, p, nil, &wit.OpenConnection{URL: server})
		if err != nil {
			t.Fatal(err)
		}
		read(t, ended)
		cancel()
		_, err = ended.Read()
		wantCode(t, err, wit.CodeUnavailable)
	})
}

func TestEventStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		server := n.serve(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/page" {
				fmt.Fprint(w, "<html>")
				return
			}
			w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
			fmt.Fprintf(w, ": hello\n\nid: 7\nevent: add\ndata: %s\ndata: two\n\ndata: %s\n\n", strings.Join(r.Header["Accept"], ", "), r.Header.Get("Last-Event-ID"))
			fmt.Fprint(w, "data: cut of")
		})
		c, p := n.home(server, egress.Limits{})
		conn := open(t, c, p, wit.OpenConnection{Transport: wit.TransportSSE, URL: server, Headers: []wit.Header{{Name: "Last-Event-ID", Value: "5"}}})
		if f := read(t, conn); *f.Text != "text/event-stream\ntwo" || *f.Event != "add" || *f.ID != "7" {
			t.Errorf("%+v", f)
		}
		if f := read(t, conn); *f.Text != "5" || f.Event != nil || *f.ID != "7" {
			t.Errorf("%+v", f)
		}
		_, err := conn.Read()
		if end := (*egress.ClosedError)(nil); !errors.As(err, &end) {
			t.Errorf("the end: %v", err)
		}
		conn = open(t, c, p, wit.OpenConnection{Transport: wit.TransportSSE, URL: server, Headers: []wit.Header{{Name: "accept", Value: "text/*"}}})
		if f := read(t, conn); *f.Text != "text/*\ntwo" {
			t.Errorf("%+v", f)
		}
		wantCode(t, conn.Write(textFrame("x")), wit.CodeInvalid)
		_, err = c.Open(t.Context(), p, nil, &wit.OpenConnection{Transport: wit.TransportSSE, URL: server + "/page"})
		wantCode(t, err, wit.CodeUnavailable)
	})
}

func TestLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		long := strings.Repeat("x", 64<<10)
		n := newNetwork(t)
		addr := n.lines(map[string]string{"latin": "caf\xe9\r\n", "longest": long + "\r\n", "longer": long + "xx\r\n", "two": "a\r\n\nb\n", "quit": "half"})
		c, p := n.home("tcp://"+addr, egress.Limits{})
		dial := func() *egress.Conn {
			return open(t, c, p, wit.OpenConnection{Transport: wit.TransportTCP, URL: "tcp://" + addr})
		}
		conn := dial()
		write(t, conn, wit.Frame{Text: new("PASS {{credential:token}}"), Fill: true})
		if got := *read(t, conn).Text; got != `"PASS s3\"cret\r\n"` {
			t.Errorf("the server read %s", got)
		}
		write(t, conn, wit.Frame{Bytes: []byte("raw\n")})
		if got := *read(t, conn).Text; got != `"raw\n"` {
			t.Errorf("the server read %s", got)
		}
		write(t, conn, textFrame("latin"))
		if got := read(t, conn); got.Text != nil || string(got.Bytes) != "caf\xe9" {
			t.Errorf("%+v", got)
		}
		write(t, conn, textFrame("two"))
		if a, empty, b := *read(t, conn).Text, *read(t, conn).Text, *read(t, conn).Text; a+"|"+empty+"|"+b != "a||b" {
			t.Errorf("%q %q %q", a, empty, b)
		}
		write(t, conn, textFrame("longest"))
		if got := *read(t, conn).Text; got != long {
			t.Errorf("%d bytes of the longest line", len(got))
		}
		write(t, conn, textFrame("longer"))
		_, err := conn.Read()
		wantCode(t, err, wit.CodeTooLarge)
		conn = dial()
		write(t, conn, textFrame("quit"))
		_, err = conn.Read()
		if end := (*egress.ClosedError)(nil); !errors.As(err, &end) {
			t.Errorf("the end: %v", err)
		}
		wantCode(t, dial().Write(textFrame("JOIN #a\r\nQUIT")), wit.CodeInvalid)
	})
}

// TestConnectionsKeepToThePolicy, on a client whose names resolve to public addresses.
func TestConnectionsKeepToThePolicy(t *testing.T) {
	t.Parallel()
	rig := newRig(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/moved" {
			http.Redirect(w, r, "https://10.0.0.1/", http.StatusFound)
			return
		}
		if r.URL.Path == "/secret" || strings.HasPrefix(r.URL.Path, "/s3") {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		conn, err := websocket.Accept(w, r, nil)
		if err == nil {
			_ = conn.Close(websocket.StatusNormalClosure, "fine")
		}
	})
	rig.names["inside.example.com"] = []string{"10.0.0.1"}
	policy := egress.Policy{Owner: "p", Hosts: []string{"example.com", "irc.example.com:6697", "irc.example.com:6667", "irc.example.net:6697", "inside.example.com", "inside.example.com:6697"},
		Origins: []string{"tcp://192.168.1.5:7000", "https://box.example.com:6000"}}
	open := func(p egress.Policy, transport wit.Transport, url string) (*egress.Conn, error) {
		return rig.client.Open(t.Context(), p, secrets(map[string]string{"token": "s3cret"}), &wit.OpenConnection{Transport: transport, URL: url})
	}
	for _, tt := range []struct {
		transport wit.Transport
		url       string
		want      wit.Code
	}{
		{wit.TransportWebsocket, "wss://example.com/", ""},
		{wit.TransportWebsocket, "ws://example.com/", wit.CodeForbidden},
		{wit.TransportWebsocket, "wss://other.example/", wit.CodeForbidden},
		{wit.TransportWebsocket, "wss://example.com:444/", wit.CodeForbidden},
		{wit.TransportWebsocket, "wss://inside.example.com/", wit.CodeForbidden},
		{wit.TransportWebsocket, "ftp://example.com/", wit.CodeInvalid},
		{wit.TransportWebsocket, "wss://me:pw@example.com/", wit.CodeInvalid},
		{wit.TransportWebsocket, "wss://example.com/moved", wit.CodeUnavailable},
		{wit.TransportWebsocket, "wss://example.com/{{credential:token}}", wit.CodeUnavailable},
		{wit.TransportWebsocket, "wss://example.com/{{credential:other}}", wit.CodeForbidden},
		{wit.TransportSSE, "http://example.com/", wit.CodeForbidden},
		{wit.TransportSSE, "wss://example.com/", wit.CodeInvalid},
		{wit.TransportSSE, "https://example.com/moved", wit.CodeForbidden},
		{wit.TransportTLS, "tls://example.com:443", wit.CodeForbidden}, // not listed with its port
		{wit.TransportTLS, "tls://irc.example.com:6698", wit.CodeForbidden},
		{wit.TransportTLS, "tls://inside.example.com:6697", wit.CodeForbidden},
		{wit.TransportTLS, "tls://irc.example.com", wit.CodeInvalid},
		{wit.TransportTLS, "tcp://irc.example.com:6697", wit.CodeInvalid},
		{wit.TransportTLS, "tls://irc.example.com:6697/path", wit.CodeInvalid},
		{wit.TransportTLS, "tls://irc.example.com:6697", ""},
		{wit.TransportTLS, "tls://irc.example.net:6697", wit.CodeUnavailable}, // the certificate is another's
		{wit.TransportTCP, "tcp://irc.example.com:6667", ""},
		{wit.TransportTCP, "tcp://192.168.1.5:7000", ""},
		{wit.TransportTCP, "tcp://192.168.1.5:7001", wit.CodeForbidden},
		{wit.TransportTLS, "tls://192.168.1.5:7000", wit.CodeForbidden},
		{wit.TransportTCP, "tcp://box.example.com:6000", wit.CodeForbidden},
		{"carrier-pigeon", "wss://example.com/", wit.CodeInvalid},
	} {
		conn, err := open(policy, tt.transport, tt.url)
		if wit.CodeOf(err) != tt.want {
			t.Errorf("%s %s: %q (%v), want %q", tt.transport, tt.url, wit.CodeOf(err), err, tt.want)
		}
		if err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("the credential is in %v", err)
		}
		if conn != nil {
			if err := conn.Permitted(policy); err != nil {
				t.Errorf("%s %s, once it is open: %v", tt.transport, tt.url, err)
			}
			conn.Close()
		}
	}
	for what, narrow := range map[string]egress.Policy{
		"methods": {Hosts: policy.Hosts, Methods: []string{"GET"}},
		"paths":   {Hosts: policy.Hosts, Paths: []string{"/v1/"}},
	} {
		if _, err := open(narrow, wit.TransportTCP, "tcp://irc.example.com:6667"); wit.CodeOf(err) != wit.CodeForbidden {
			t.Errorf("with %s: %v", what, err)
		}
	}
	inTheClear, err := open(policy, wit.TransportTCP, "tcp://irc.example.com:6667")
	if err != nil {
		t.Fatal(err)
	}
	write(t, inTheClear, wit.Frame{Text: new("NICK somebody"), Fill: true})
	write(t, inTheClear, wit.Frame{Bytes: []byte("PING\r\n"), Fill: true})
	wantCode(t, inTheClear.Write(wit.Frame{Text: new("PASS {{credential:token}}"), Fill: true}), wit.CodeForbidden)
	encrypted, err := open(policy, wit.TransportTLS, "tls://irc.example.com:6697")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"GET /secret HTTP/1.0", "Authorization: Bearer {{credential:token}}", ""} {
		write(t, encrypted, wit.Frame{Text: &line, Fill: true})
	}
	if got := *read(t, encrypted).Text; got != "HTTP/1.0 418 I'm a teapot" {
		t.Errorf("by tls comes %q", got)
	}
	_, err = rig.client.Open(t.Context(), policy, nil, &wit.OpenConnection{Transport: wit.TransportTCP, URL: "tcp://irc.example.com:6667", Headers: []wit.Header{{Name: "A", Value: "b"}}})
	wantCode(t, err, wit.CodeInvalid)
	if !slices.Contains(rig.dialed(), "192.168.1.5:7000") {
		t.Errorf("the owner's address was not dialed: %v", rig.dialed())
	}
	for _, addr := range rig.dialed() {
		if host, _, _ := net.SplitHostPort(addr); host != public && host != "192.168.1.5" {
			t.Errorf("dialed %s", addr)
		}
	}
}

// TestOriginsOfRawConnections: the owner's origin permits a raw connection when it is that very endpoint.
func TestOriginsOfRawConnections(t *testing.T) {
	t.Parallel()
	longest := "tcp://192.168.1.5:7000" + strings.Repeat("/", wit.LimitHTTPURLBytes-22)
	for _, tt := range []struct {
		origin, url string
		want        wit.Code
	}{
		{"tcp://192.168.1.5:7000", "tcp://192.168.1.5:7000", ""},
		{"TCP://me:pw@192.168.1.5:7000/", "TCP://192.168.1.5:7000/", ""},
		{"tcp://192.168.1.5:7000/x", "tcp://192.168.1.5:7000", wit.CodeForbidden},
		{"tcp://192.168.1.5", "tcp://192.168.1.5:443", wit.CodeForbidden},
		{"tcp://192.168.1.5:%zz", "tcp://192.168.1.5:7000", wit.CodeForbidden},
		{"tcp://192.168.1.5:7000?x", "tcp://192.168.1.5:7000", ""},
		{"http://192.168.1.5:7000", "tcp://192.168.1.5:7000", wit.CodeForbidden},
		{"https://192.168.1.5:7000", "tcp://192.168.1.5:7000", wit.CodeForbidden},
		{"HTTPS://box.example.com:6000", "tls://box.example.com:6000", ""},
		{"https://box.example.com:443", "tls://box.example.com:443", ""},
		{"tls://box.example.com:443", "tls://Box.example.com.:443", ""},
		{"tls://box.example.com:6000/x", "tls://box.example.com:6000", wit.CodeForbidden},
		{"tls://box.example.com:6000", "tls://box.example.com:6001", wit.CodeForbidden},
		{"tcp://192.168.1.5:7000", "tcp://192.168.1.5:7000?x", wit.CodeInvalid},
		{"tcp://192.168.1.5:7000", "tcp://192.168.1.5:7000/x", wit.CodeInvalid},
		{"tcp://192.168.1.5:7000", "tcp:192.168.1.5:7000", wit.CodeInvalid},
		{"tcp://192.168.1.5:7000", "tcp://me@192.168.1.5:7000", wit.CodeInvalid},
		{"tcp://192.168.1.5:7000", "tcp://192.168.1.5:%zz", wit.CodeInvalid},
		{"tcp://192.168.1.5:7000", longest, ""},
		{"tcp://192.168.1.5:7000", longest + "/", wit.CodeTooLarge},
	} {
		rig := newRig(t, func(http.ResponseWriter, *http.Request) {})
		scheme, rest, _ := strings.Cut(tt.url, ":")
		conn, err := rig.client.Open(t.Context(), egress.Policy{Owner: "p", Origins: []string{tt.origin}}, nil,
			&wit.OpenConnection{Transport: wit.Transport(strings.ToLower(scheme)), URL: tt.url})
		if wit.CodeOf(err) != tt.want {
			t.Errorf("%s, where %s is configured: %v, want %q", tt.url, tt.origin, err, tt.want)
		}
		if err != nil {
			continue
		}
		_ = conn.Close()
		_, port, _ := strings.Cut(strings.Trim(rest, "/"), ":")
		if got := rig.dialed(); len(got) != 1 || !strings.HasSuffix(got[0], ":"+port) {
			t.Errorf("%s leads to %v", tt.url, got)
		}
	}
}

// TestAddressesAreTriedInTurn: until one answers, sixteen at most, and none once nobody waits any more.
func TestAddressesAreTriedInTurn(t *testing.T) {
	t.Parallel()
	var many []string
	for n := range 17 {
		many = append(many, fmt.Sprint("93.184.216.", n+1))
	}
	for name, tt := range map[string]struct {
		answers int // the number of the address that does
		ends    int // when so many are tried, nobody waits any more
		tried   int
		opens   bool
	}{
		"the first": {1, 99, 1, true}, "the third": {3, 99, 3, true}, "the sixteenth": {16, 99, 16, true}, "none of sixteen": {17, 99, 16, false}, "over": {3, 2, 2, false},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		tried := 0
		r := newRig(t, func(http.ResponseWriter, *http.Request) {}, func(c *egress.Config) {
			dial := c.Dial
			c.Dial = func(_ context.Context, network, addr string) (net.Conn, error) {
				if tried++; tried == tt.ends {
					cancel()
				}
				if addr != fmt.Sprintf("93.184.216.%d:7000", tt.answers) {
					return nil, errors.New("refused")
				}
				return dial(t.Context(), network, addr)
			}
		})
		r.names["api.example.com"] = []string{strings.Join(many, " ")}
		policy := egress.Policy{Owner: "p", Hosts: []string{"api.example.com:7000"}}
		conn, err := r.client.Open(ctx, policy, nil, &wit.OpenConnection{Transport: wit.TransportTCP, URL: "tcp://api.example.com:7000"})
		if (err == nil) != tt.opens || tried != tt.tried {
			t.Errorf("%s: %d were tried, %v", name, tried, err)
		}
		if conn != nil {
			_ = conn.Close()
		}
	}
}

// TestRefusedHandshakes: what the other side answers in place of a connection says what can be done.
func TestRefusedHandshakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		server := n.serve(func(w http.ResponseWriter, r *http.Request) {
			var status int
			if _, _ = fmt.Sscanf(r.URL.Path, "/%d", &status); status != 101 {
				w.WriteHeader(status)
				return
			}
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: no\r\n\r\n")
			_ = conn.Close()
		})
		c, p := n.home(server, egress.Limits{})
		for _, transport := range []wit.Transport{wit.TransportWebsocket, wit.TransportSSE} {
			for status, want := range map[int]wit.Code{200: wit.CodeUnavailable, 401: wit.CodeUnauthorized, 403: wit.CodeUnauthorized, 404: wit.CodeUnavailable, 429: wit.CodeRateLimited, 500: wit.CodeUnavailable} {
				_, err := c.Open(t.Context(), p, nil, &wit.OpenConnection{Transport: transport, URL: fmt.Sprintf("%s/%d", server, status)})
				if wit.CodeOf(err) != want || !strings.Contains(err.Error(), " answered ") {
					t.Errorf("%s: %d is %v, want %q", transport, status, err, want)
				}
			}
		}
		_, err := c.Open(t.Context(), p, nil, &wit.OpenConnection{URL: server + "/101"}) // which is no WebSocket all the same
		if wit.CodeOf(err) != wit.CodeUnavailable || !strings.Contains(err.Error(), "does not speak websocket") {
			t.Error(err)
		}
	})
}

// TestASilentOther: what says nothing does not hold a connection for ever, and does hold it until then: for as long as the limits
// say, or as is usual.
func TestASilentOther(t *testing.T) {
	for _, tt := range []struct {
		limits           egress.Limits
		connect, silence time.Duration
	}{
		{egress.Limits{Connect: 7 * time.Second, Silence: time.Minute}, 7 * time.Second, time.Minute},
		{egress.Limits{}, 15 * time.Second, 5 * time.Minute},
	} {
		synctest.Test(t, func(t *testing.T) { aSilentOther(t, tt.limits, tt.connect, tt.silence) })
	}
}

func aSilentOther(t *testing.T, limits egress.Limits, connect, silence time.Duration) {
	n := newNetwork(t)
	silent := n.talk(func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	const gap = 50 * time.Second
	stream := n.serve(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for range 2 {
			_, _ = fmt.Fprint(w, "data: x\n\n")
			w.(http.Flusher).Flush()
			time.Sleep(gap)
		}
		<-r.Context().Done()
	})
	c, p := n.home("http://"+silent, limits)
	p.Origins = append(p.Origins, "tls://"+silent, stream)
	for _, o := range []wit.OpenConnection{{URL: "http://" + silent}, {Transport: wit.TransportSSE, URL: "http://" + silent}, {Transport: wit.TransportTLS, URL: "tls://" + silent}} {
		start := time.Now()
		_, err := c.Open(t.Context(), p, nil, &o)
		wantCode(t, err, wit.CodeTimeout)
		if took := time.Since(start); took != connect {
			t.Errorf("%s was waited for for %v, want %v", o.Transport, took, connect)
		}
	}
	conn := open(t, c, p, wit.OpenConnection{Transport: wit.TransportSSE, URL: stream})
	start := time.Now()
	read(t, conn)
	read(t, conn)
	_, err := conn.Read()
	wantCode(t, err, wit.CodeTimeout)
	if took := time.Since(start); took != gap+silence {
		t.Errorf("the stream ended after %v, want %v", took, gap+silence)
	}
}

// TestTheEndOfAConnection: it ends for both sides, whichever brings it about, and Read says which it was.
func TestTheEndOfAConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		addr := n.lines(map[string]string{"quit": "half"})
		c, p := n.home("tcp://"+addr, egress.Limits{})
		for name, tt := range map[string]struct {
			end    func(*egress.Conn)
			closed bool // by the other side
		}{
			"the other side": {func(conn *egress.Conn) { write(t, conn, textFrame("quit")) }, true},
			"here":           {func(conn *egress.Conn) { _ = conn.Close() }, false},
			"a bad frame":    {func(conn *egress.Conn) { _ = conn.Write(textFrame("a\nb")) }, false},
		} {
			conn := open(t, c, p, wit.OpenConnection{Transport: wit.TransportTCP, URL: "tcp://" + addr})
			ended := make(chan struct{})
			conn.OnClose(func() { close(ended) })
			tt.end(conn)
			for range 2 { // it says so again
				_, err := conn.Read()
				end := (*egress.ClosedError)(nil)
				if closed := errors.As(err, &end); closed != tt.closed || !closed && (wit.CodeOf(err) != wit.CodeUnavailable || !strings.Contains(err.Error(), "tcp://"+addr+" was closed here")) {
					t.Errorf("%s: %v", name, err)
				}
				<-ended
				tt.closed = false
			}
			if err := conn.Write(textFrame("x")); wit.CodeOf(err) != wit.CodeUnavailable {
				t.Errorf("%s: a frame after it: %v", name, err)
			}
		}
		conn := open(t, c, p, wit.OpenConnection{Transport: wit.TransportTCP, URL: "tcp://" + addr})
		if err := conn.Write(wit.Frame{Bytes: make([]byte, 1<<20)}); err != nil {
			t.Errorf("the longest frame: %v", err)
		}
		wantCode(t, conn.Write(wit.Frame{Bytes: make([]byte, 1<<20+1)}), wit.CodeTooLarge)
	})
}

// TestAnotherProtocol: what answers a TLS handshake with something else is hung up on.
func TestAnotherProtocol(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		addr := n.talk(func(c net.Conn) {
			_, _ = io.CopyN(io.Discard, c, 5)
			go func() { _, _ = io.WriteString(c, "220 what is this?\r\n") }()
			_, _ = io.Copy(io.Discard, c) // the bubble would not end if the client held it open
		})
		c, p := n.home("tls://"+addr, egress.Limits{})
		_, err := c.Open(t.Context(), p, nil, &wit.OpenConnection{Transport: wit.TransportTLS, URL: "tls://" + addr})
		wantCode(t, err, wit.CodeUnavailable)
	})
}

// TestNobodyTakesIt: a frame that the other side does not take is given up after half a minute.
func TestNobodyTakesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		stop := make(chan struct{})
		defer close(stop)
		lines := n.talk(func(net.Conn) { <-stop })
		web := n.socket()
		c, p := n.home(web, egress.Limits{})
		p.Origins = append(p.Origins, "tcp://"+lines)
		for _, o := range []wit.OpenConnection{{Transport: wit.TransportTCP, URL: "tcp://" + lines}, {URL: web}} {
			conn := open(t, c, p, o)
			if o.Transport == "" {
				read(t, conn)
				write(t, conn, textFrame("deaf"))
			}
			start := time.Now()
			wantCode(t, conn.Write(textFrame("hello?")), wit.CodeTimeout)
			if took := time.Since(start); took != 30*time.Second {
				t.Errorf("%s: after %v", o.Transport, took)
			}
			_, err := conn.Read()
			wantCode(t, err, wit.CodeUnavailable)
		}
	})
}

// TestNoGoodbyeIsWaitedFor: a connection is gone at once when it is closed here, also if the other side takes nothing.
func TestNoGoodbyeIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop := make(chan struct{})
		r := newInnerRig(t, func(w http.ResponseWriter, _ *http.Request) {
			c, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			_, _ = io.WriteString(c, "deaf now\n")
			<-stop
		})
		policy := egress.Policy{Owner: "p", Hosts: []string{"api.example.com:443"}}
		conn := open(t, r.client, policy, wit.OpenConnection{Transport: wit.TransportTLS, URL: "tls://api.example.com:443"})
		write(t, conn, wit.Frame{Bytes: []byte("GET / HTTP/1.0\r\n\r\n")})
		read(t, conn)
		gone := make(chan struct{})
		conn.OnClose(func() { close(gone) })
		start := time.Now()
		_ = conn.Close()
		<-gone
		if took := time.Since(start); took > 0 {
			t.Errorf("it is gone after %v", took)
		}
		close(stop)
	})
}

// TestConnectionsLast: how long one may take to open is no bound on how long it stays, and a ping is answered by who reads.
func TestConnectionsLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		lines, web := n.lines(nil), n.socket()
		c, p := n.home(web, egress.Limits{})
		p.Origins = append(p.Origins, "tcp://"+lines)
		for _, o := range []wit.OpenConnection{{Transport: wit.TransportTCP, URL: "tcp://" + lines}, {URL: web}} {
			conn := open(t, c, p, o)
			if o.Transport == "" {
				read(t, conn) // its greeting
			}
			for range 3 { // at no time of a ping
				time.Sleep(61 * time.Second) // nobody reads
				time.AfterFunc(61*time.Second, func() { write(t, conn, textFrame("x")) })
				read(t, conn)
			}
		}
	})
}

// TestPermittedAgain: what is open is asked about by what was opened.
func TestPermittedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		lines, web := n.lines(nil), n.socket()
		for transport, url := range map[wit.Transport]string{wit.TransportTCP: "tcp://" + lines, wit.TransportWebsocket: web + "/gw/{{credential:token}}"} {
			c, p := n.home(strings.TrimSuffix(url, "/{{credential:token}}"), egress.Limits{})
			conn := open(t, c, p, wit.OpenConnection{Transport: transport, URL: url})
			if err := conn.Permitted(p); err != nil {
				t.Errorf("%s as it was opened: %v", url, err)
			}
			for name, narrow := range map[string]egress.Policy{
				"nothing": {}, "another": {Origins: []string{"tcp://127.0.0.1:1", "http://127.0.0.1:1"}}, "another path": {Origins: []string{web + "/other"}},
			} {
				if err := conn.Permitted(narrow); wit.CodeOf(err) != wit.CodeForbidden || strings.Contains(err.Error(), "s3") {
					t.Errorf("%s with %s: %v", url, name, err)
				}
			}
		}
	})
}

// TestManyCredentialsInFrames: the credentials of the last frames are looked for in what comes back, however many there were.
func TestManyCredentialsInFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		addr := n.lines(nil)
		c, p := n.home("tcp://"+addr, egress.Limits{})
		sent := 0
		creds := egress.Credentials(func(string) (string, error) { sent++; return fmt.Sprintf("secret-%04d", sent), nil })
		conn, err := c.Open(t.Context(), p, creds, &wit.OpenConnection{Transport: wit.TransportTCP, URL: "tcp://" + addr})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		for range 300 {
			write(t, conn, wit.Frame{Text: new("PASS {{credential:token}}"), Fill: true})
			if got := *read(t, conn).Text; got != `"PASS [redacted]\r\n"` {
				t.Fatalf("frame %d: %s", sent, got)
			}
		}
		for range 600 { // the same one again takes no other's place
			write(t, conn, wit.Frame{Text: new("PASS {{credential:token}}"), Fill: true})
			_ = read(t, conn)
			sent--
		}
		for text, hidden := range map[string]bool{"secret-0001": false, "secret-0295": true, "secret-0300": true} {
			write(t, conn, textFrame(text))
			if got := *read(t, conn).Text; strings.Contains(got, text) == hidden {
				t.Errorf("%s comes back as %s", text, got)
			}
		}
	})
}

// TestRefusedHandshakesSayWhen to come back, where the other side does and the same may pass then.
func TestRefusedHandshakesSayWhen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newNetwork(t)
		server := n.serve(func(w http.ResponseWriter, r *http.Request) {
			var status int
			_, _ = fmt.Sscanf(r.URL.Path, "/%d", &status)
			if asked := r.URL.Query().Get("after"); asked != "" {
				w.Header().Set("Retry-After", asked)
			}
			if date := r.URL.Query().Get("date"); date != "" {
				w.Header().Set("Date", date)
			}
			w.WriteHeader(status)
		})
		c, p := n.home(server, egress.Limits{})
		date := func(d time.Duration, form string) string {
			return url.QueryEscape(time.Now().Add(d).UTC().Format(form))
		}
		past, far := date(-time.Hour, http.TimeFormat), date(400*time.Hour, http.TimeFormat)
		const rfc850 = "Monday, 02-Jan-06 15:04:05 GMT"
		const day = 24 * 3600 * 1000
		for _, tt := range []struct {
			path        string
			least, most int64 // 0 is not said
		}{
			{"/429", 1000, 1000}, {"/429?after=7", 7000, 7000}, {"/429?after=0", 1000, 1000}, {"/429?after=soon", 1000, 1000}, {"/429?after=-3", 1000, 1000},
			{"/429?after=99999999999999999999", day, day}, {"/503?after=70000", 70_000_000, 70_000_000}, {"/503?after=90000", day, day},
			{"/503?after=" + date(time.Minute, http.TimeFormat), 60_000, 60_000}, {"/503?after=" + date(time.Minute, rfc850), 60_000, 60_000},
			{"/503?after=" + date(time.Minute, time.ANSIC), 60_000, 60_000}, {"/503?after=" + far + "&date=" + date(399*time.Hour, http.TimeFormat), 3_600_000, 3_600_000},
			{"/429?after=" + past, 1000, 1000}, {"/429?after=" + far, day, day},
			{"/503?after=7", 7000, 7000}, {"/503", 0, 0}, {"/500?after=65535", 65535000, 65535000}, {"/401?after=7", 0, 0},
		} {
			for _, transport := range []wit.Transport{wit.TransportWebsocket, wit.TransportSSE} {
				_, err := c.Open(t.Context(), p, nil, &wit.OpenConnection{Transport: transport, URL: server + tt.path})
				after := int64(0)
				if e := wit.AsError(err); e != nil && e.RetryAfter != nil {
					after = *e.RetryAfter
				}
				if err == nil || after < tt.least || after > tt.most {
					t.Errorf("%s: %s is %v, to come back after %d ms, not %d", transport, tt.path, err, after, tt.least)
				}
			}
		}
	})
}
