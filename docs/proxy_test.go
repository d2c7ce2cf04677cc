package docs_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// proxyBlocks are what docs/proxy.md shows, by kind.
func proxyBlocks(t *testing.T) map[string]string {
	t.Helper()
	b, err := os.ReadFile("proxy.md")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, m := range fence.FindAllStringSubmatch(string(b), -1) {
		found[m[1]] = m[2]
	}
	for _, kind := range []string{"json config", "nginx proxy", "caddy proxy", "sh tailscale", "sh ssh"} {
		if found[kind] == "" {
			t.Fatalf("the page shows no %s", kind)
		}
	}
	if len(found) != 5 {
		t.Fatalf("nothing checks some of the page's %d blocks", len(found))
	}
	return found
}

// proxied is a gateway with the page's settings, on a port of its own.
type proxied struct {
	t  *testing.T
	at string // its address
}

func startProxied(t *testing.T, settings string) *proxied {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	kerneltest.Start(t, kerneltest.Config(t, settings), func(o *kernel.Options) { o.Listener = ln })
	return &proxied{t, ln.Addr().String()}
}

// front starts a reverse proxy that does with a request what rewrite says. Clients of the name gw.example.org
// reach it.
func (p *proxied) front(rewrite func(*httputil.ProxyRequest)) *http.Client {
	p.t.Helper()
	s := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: p.at})
		r.Out.Host = p.at // as nginx does unless it is told otherwise
		rewrite(r)
	}})
	p.t.Cleanup(s.Close)
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, s.Listener.Addr().String())
	}
	transport := &http.Transport{DialContext: dial}
	p.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// connect comes as a new device, through the proxy or, when it is nil, from this machine.
func (p *proxied) connect(through *http.Client, token string, header http.Header) error {
	p.t.Helper()
	o := client.Options{
		URL: "ws://" + p.at, Token: token, Header: header, Identity: filepath.Join(p.t.TempDir(), "device.json"),
		Scopes: []wire.Scope{wire.ScopeRead},
	}
	if through != nil {
		o.URL, o.Dial = "ws://gw.example.org", through.Transport.(*http.Transport).DialContext
	}
	ctx, cancel := context.WithTimeout(p.t.Context(), kerneltest.Patience)
	defer cancel()
	c, err := client.Dial(ctx, o)
	if err == nil {
		_ = c.Close()
	}
	return err
}

func (p *proxied) metrics(through *http.Client) int {
	p.t.Helper()
	res, err := through.Get("http://gw.example.org/metrics")
	if err != nil {
		p.t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}

// refused is the code of the gateway's refusal, "" for none.
func refused(err error) string {
	var e *wire.Error
	if errors.As(err, &e) {
		return e.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// nginx reads the page's nginx settings into what they do with a request.
func nginx(t *testing.T, text string) func(*httputil.ProxyRequest) {
	t.Helper()
	if !strings.Contains(text, "proxy_pass http://127.0.0.1:18789;") || !strings.Contains(text, "proxy_http_version 1.1;") {
		t.Fatal("nginx does not pass WebSockets on to the gateway")
	}
	set := regexp.MustCompile(`proxy_set_header (\S+) (\S+);`).FindAllStringSubmatch(text, -1)
	return func(r *httputil.ProxyRequest) {
		for _, m := range set {
			switch m[2] {
			case "$http_host":
				r.Out.Host = r.In.Host
			case "$proxy_add_x_forwarded_for":
				r.Out.Header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"]
				r.SetXForwarded()
				r.Out.Header.Del("X-Forwarded-Host")
				r.Out.Header.Del("X-Forwarded-Proto")
				asFrom(r, "198.51.100.7")
			case "$http_upgrade", `"upgrade"`: // the proxy of the test does that by itself
			default:
				t.Errorf("what is %s?", m[0])
			}
		}
	}
}

// caddy reads the page's Caddy settings.
func caddy(t *testing.T, text string) func(*httputil.ProxyRequest) {
	t.Helper()
	if strings.Join(strings.Fields(text), " ") != "gw.example.org { reverse_proxy 127.0.0.1:18789 }" {
		t.Fatal("Caddy does not pass requests on to the gateway")
	}
	return func(r *httputil.ProxyRequest) {
		r.Out.Host = r.In.Host
		r.SetXForwarded()
		asFrom(r, "198.51.100.7")
	}
}

// asFrom makes the test's own address, from which its clients come, one of another machine's.
func asFrom(r *httputil.ProxyRequest, ip string) {
	if from := r.In.Header.Get("Test-From"); from != "" {
		ip = from
	}
	r.Out.Header.Del("Test-From")
	hops := strings.Split(r.Out.Header.Get("X-Forwarded-For"), ", ")
	hops[len(hops)-1] = ip
	r.Out.Header.Set("X-Forwarded-For", strings.Join(hops, ", "))
}

// TestProxies runs the gateway with the page's settings behind a reverse proxy that does what the page's settings
// say, and behind one that forwards and says nothing.
func TestProxies(t *testing.T) {
	t.Parallel()
	shown := proxyBlocks(t)
	for name, rewrite := range map[string]func(*httputil.ProxyRequest){
		"nginx": nginx(t, shown["nginx proxy"]), "caddy": caddy(t, shown["caddy proxy"]), "mute": func(*httputil.ProxyRequest) {},
	} {
		t.Run(name, func(t *testing.T) {
			p := startProxied(t, shown["json config"])
			through := p.front(rewrite)
			if err := p.connect(through, kerneltest.Token, nil); refused(err) != wire.NotPaired {
				t.Errorf("a device came in unasked: %v", err)
			}
			if got := p.metrics(through); got != http.StatusUnauthorized {
				t.Errorf("/metrics without a token: %d", got)
			}
			// Lies about where one comes from gain nothing.
			lie := http.Header{"X-Forwarded-For": {"127.0.0.1"}}
			if err := p.connect(through, kerneltest.Token, lie); refused(err) != wire.NotPaired {
				t.Errorf("a device that lies came in unasked: %v", err)
			}
			admin, err := client.Dial(t.Context(), client.Options{URL: "ws://" + p.at, Token: kerneltest.Token})
			if err != nil {
				t.Fatalf("the owner at his machine: %v", err)
			}
			defer admin.Close()
			var list struct{ Pending []struct{ RemoteIP string } }
			if err := admin.Call(t.Context(), "device.pair.list", nil, &list); err != nil || len(list.Pending) == 0 {
				t.Fatalf("%v, %v", list, err)
			}
			for _, r := range list.Pending {
				if want := map[string]string{"mute": "127.0.0.1"}[name]; want == "" && r.RemoteIP != "198.51.100.7" || want != "" && r.RemoteIP != want {
					t.Errorf("the request comes from %s", r.RemoteIP)
				}
			}
			slowed := false
			for range 50 {
				slowed = slowed || refused(p.connect(through, "guess", nil)) == wire.Unavailable
			}
			if !slowed {
				t.Error("nobody stops a guesser")
			}
			if err := p.connect(through, kerneltest.Token, nil); refused(err) != wire.NotPaired {
				t.Errorf("who is right beside a guesser: %v", err)
			}
			if name == "mute" {
				return
			}
			elsewhere := http.Header{"Test-From": {"198.51.100.8"}}
			if err := p.connect(through, "guess", elsewhere); refused(err) != "INVALID_REQUEST" {
				t.Errorf("another client of the proxy pays for the guesser: %v", err)
			}
			page := http.Header{"Origin": {"https://gw.example.org"}}
			if err := p.connect(through, kerneltest.Token, page); refused(err) != wire.NotPaired {
				t.Errorf("a page of the gateway's own name: %v", err)
			}
			page = http.Header{"Origin": {"https://evil.example.org"}}
			if err := p.connect(through, kerneltest.Token, page); err == nil || !strings.Contains(err.Error(), "origin") {
				t.Errorf("a page of another name: %v", err)
			}
		})
	}
}

// TestUntoldProxy: what the page says of a proxy that the gateway was not told of.
func TestUntoldProxy(t *testing.T) {
	t.Parallel()
	p := startProxied(t, `{}`)
	noticed := p.front(func(r *httputil.ProxyRequest) { r.SetXForwarded() })
	if err := p.connect(noticed, kerneltest.Token, nil); refused(err) != wire.NotPaired {
		t.Errorf("a device behind a proxy that was noticed: %v", err)
	}
	if err := p.connect(nil, kerneltest.Token, nil); err != nil {
		t.Errorf("a device of this machine: %v", err)
	}
	careful := startProxied(t, `{"gateway": {"silentPairing": false}}`)
	for name, through := range map[string]*http.Client{"this machine": nil, "a mute proxy": careful.front(func(*httputil.ProxyRequest) {})} {
		if err := careful.connect(through, kerneltest.Token, nil); refused(err) != wire.NotPaired {
			t.Errorf("silentPairing false, a device of %s: %v", name, err)
		}
	}
}

// TestCommandsOfThePage: the page's commands name the gateway's usual address.
func TestCommandsOfThePage(t *testing.T) {
	t.Parallel()
	shown := proxyBlocks(t)
	for kind, want := range map[string]string{
		"sh tailscale": "tailscale serve --bg http://127.0.0.1:18789", "sh ssh": "ssh -N -L 18789:127.0.0.1:18789 you@gw.example.org",
	} {
		if got := strings.TrimSpace(shown[kind]); got != want {
			t.Errorf("%s: %s", kind, got)
		}
	}
	var settings struct{ Gateway map[string]json.RawMessage }
	if err := json.Unmarshal([]byte(shown["json config"]), &settings); err != nil || len(settings.Gateway) != 3 {
		t.Errorf("%v, %v", settings, err)
	}
}
