// Package proxy runs what docs/proxy.md shows with the proxies themselves: nginx and Caddy, as a distribution has them,
// in front of a gateway. `make proxies` and CI run it; it fails where they are not installed.
package proxy

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// name is what the page calls the gateway.
const name = "gw.example.org"

// page are the blocks of docs/proxy.md, by kind.
func page(t *testing.T) map[string]string {
	t.Helper()
	b, err := os.ReadFile("../../docs/proxy.md")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, m := range regexp.MustCompile("(?ms)^```([a-z]+ [a-z]+)\n(.*?)^```$").FindAllStringSubmatch(string(b), -1) {
		found[m[1]] = m[2]
	}
	return found
}

// with replaces what a test cannot have as the page has it: ports, files and names. Each must be there.
func with(t *testing.T, text string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if strings.Count(text, pairs[i]) != 1 {
			t.Fatalf("the page does not say %q once:\n%s", pairs[i], text)
		}
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// front is a proxy that runs, and the gateway behind it.
type front struct {
	t       *testing.T
	gateway string // its address
	kernel  *kerneltest.Kernel
	at      string // the proxy's address
	roots   *x509.CertPool
	knows   bool // the proxy tells where a client comes from, in the test's word: Test-From
}

// start starts a gateway with settings. Its model echoes what it is told.
func start(t *testing.T, settings string) *front {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := kerneltest.Start(t, kerneltest.Config(t, settings), kerneltest.Plugin(kerneltest.Echo("brain")), func(o *kernel.Options) { o.Listener = ln })
	return &front{t: t, gateway: ln.Addr().String(), kernel: k}
}

// run starts a proxy's program and waits until it speaks TLS: Caddy listens before it has a certificate. It ends with the test, which shows what it said if
// it failed.
func (f *front) run(dir, program string, args ...string) {
	f.t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		if path, err = exec.LookPath("/usr/sbin/" + program); err != nil {
			f.t.Fatalf("%s is not installed: %v", program, err)
		}
	}
	var said bytes.Buffer
	cmd := exec.Command(path, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &said, &said
	cmd.Env = append(os.Environ(), "HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	if err := cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = cmd.Wait() }()
	f.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-ended
		if f.t.Failed() {
			f.t.Logf("%s: %s", program, said.String())
		}
	})
	ctx, cancel := context.WithTimeout(f.t.Context(), kerneltest.Patience)
	defer cancel()
	ticks := time.NewTicker(20 * time.Millisecond)
	defer ticks.Stop()
	anybody := tls.Dialer{Config: &tls.Config{ServerName: name, InsecureSkipVerify: true}}
	for {
		if c, err := anybody.DialContext(ctx, "tcp", f.at); err == nil {
			_ = c.Close()
			return
		}
		select {
		case <-ticks.C:
		case <-ended:
			f.t.Fatalf("%s ended at once", program)
		case <-ctx.Done():
			f.t.Fatalf("%s takes no connections", program)
		}
	}
}

// free is an address of this machine on which nobody listens.
func free(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// certificate writes a key and a certificate for the name, signed by nobody.
func (f *front) certificate(dir string) (cert, key string) {
	f.t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.t.Fatal(err)
	}
	made := x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, &made, &made, &private.PublicKey, private)
	if err != nil {
		f.t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		f.t.Fatal(err)
	}
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "EC PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(&block), 0o600); err != nil {
			f.t.Fatal(err)
		}
	}
	f.trust(cert)
	return cert, key
}

// trust has clients believe a certificate.
func (f *front) trust(file string) {
	f.t.Helper()
	b, err := os.ReadFile(file)
	if f.roots = x509.NewCertPool(); err != nil || !f.roots.AppendCertsFromPEM(b) {
		f.t.Fatalf("%s: %v", file, err)
	}
}

// nginx starts nginx with a server block. Where a client comes from it is told by the header Test-From, since all of a
// test's come from this machine.
func (f *front) nginx(server string) {
	f.t.Helper()
	dir := f.t.TempDir()
	f.at, f.knows = free(f.t), true
	cert, key := f.certificate(dir)
	server = with(f.t, server, "listen 443 ssl;", "listen "+f.at+" ssl;", "/etc/ssl/gw.example.org.pem", cert,
		"/etc/ssl/gw.example.org.key", key, "127.0.0.1:18789", f.gateway)
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;\n" // its workers have to reach the test's folder
	}
	conf := user + `daemon off; worker_processes 1; pid nginx.pid; error_log stderr;
events { worker_connections 512; }
http {
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    set_real_ip_from 127.0.0.0/8; real_ip_header Test-From;
` + server + "}\n"
	if err := os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(conf), 0o600); err != nil {
		f.t.Fatal(err)
	}
	f.run(dir, "nginx", "-p", dir, "-e", "stderr", "-c", filepath.Join(dir, "nginx.conf"))
}

// caddy starts Caddy with a site. It makes its certificate itself, as it would ask for one on the Internet.
func (f *front) caddy(site string) {
	f.t.Helper()
	dir := f.t.TempDir()
	f.at = free(f.t)
	_, port, _ := net.SplitHostPort(f.at)
	_, other, _ := net.SplitHostPort(free(f.t))
	conf := "{\n\tadmin off\n\tlocal_certs\n\tskip_install_trust\n\tdefault_bind 127.0.0.1\n\thttps_port " + port + "\n\thttp_port " + other + "\n}\n" +
		with(f.t, site, "127.0.0.1:18789", f.gateway)
	if err := os.WriteFile(filepath.Join(dir, "Caddyfile"), []byte(conf), 0o600); err != nil {
		f.t.Fatal(err)
	}
	f.run(dir, "caddy", "run", "--config", filepath.Join(dir, "Caddyfile"), "--adapter", "caddyfile")
	f.trust(filepath.Join(dir, "caddy", "pki", "authorities", "local", "root.crt"))
}

// dial connects to the proxy by TLS.
func (f *front) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	d := tls.Dialer{Config: &tls.Config{RootCAs: f.roots, ServerName: name}}
	return d.DialContext(ctx, network, f.at)
}

// device is a client of another machine, which the gateway does not know.
func (f *front) device() client.Options {
	return client.Options{
		URL: "ws://" + name, Dial: f.dial, Token: kerneltest.Token, Identity: filepath.Join(f.t.TempDir(), "device.json"),
		Scopes: []wire.Scope{wire.ScopeRead, wire.ScopeWrite}, Header: http.Header{"Test-From": {"198.51.100.7"}},
	}
}

// knock tries to connect and returns the gateway's refusal, "" where it lets the client in.
func (f *front) knock(o client.Options) string {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), kerneltest.Patience)
	defer cancel()
	c, err := client.Dial(ctx, o)
	if err == nil {
		_ = c.Close()
		return ""
	}
	if e := (*wire.Error)(nil); errors.As(err, &e) {
		return e.Code
	}
	return err.Error()
}

// paired connects as a device that the owner has approved.
func (f *front) paired() *client.Client {
	f.t.Helper()
	o, owner := f.device(), f.owner()
	_, err := client.Dial(f.t.Context(), o)
	e := (*wire.Error)(nil)
	if !errors.As(err, &e) || e.Code != wire.NotPaired {
		f.t.Fatalf("a new device: %v", err)
	}
	if err := owner.Call(f.t.Context(), "device.pair.approve", map[string]any{"requestId": e.Details.(map[string]any)["requestId"]}, nil); err != nil {
		f.t.Fatal(err)
	}
	c, err := client.Dial(f.t.Context(), o)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = c.Close() })
	return c
}

// owner connects as the owner at the machine.
func (f *front) owner() *client.Client {
	f.t.Helper()
	c, err := client.Dial(f.t.Context(), client.Options{URL: "ws://" + f.gateway, Token: kerneltest.Token})
	if err != nil {
		f.t.Fatalf("the owner at his machine: %v", err)
	}
	f.t.Cleanup(func() { _ = c.Close() })
	return c
}

// http asks through the proxy.
func (f *front) http(method, path string, header http.Header, body io.Reader) (status int, answer http.Header) {
	f.t.Helper()
	transport := &http.Transport{DialTLSContext: f.dial, DisableKeepAlives: true}
	q, err := http.NewRequestWithContext(f.t.Context(), method, "https://"+name+path, body)
	if err != nil {
		f.t.Fatal(err)
	}
	for k, v := range header {
		q.Header[k] = v
	}
	res, err := transport.RoundTrip(q)
	if err != nil {
		f.t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	return res.StatusCode, res.Header
}

// TestThePage runs the page's settings with each proxy.
func TestThePage(t *testing.T) {
	shown := page(t)
	fronts := map[string]func(*front){
		"nginx": func(f *front) { f.nginx(shown["nginx proxy"]) },
		"caddy": func(f *front) { f.caddy(shown["caddy proxy"]) },
	}
	for program, begin := range fronts {
		for what, check := range map[string]func(*front){
			"strangers": strangers, "guessers": guessers, "pages": pages, "large": large, "crowds": crowds, "stopping": stopping,
		} {
			t.Run(program+" "+what, func(t *testing.T) {
				f := start(t, shown["json config"])
				f.t = t
				begin(f)
				check(f)
			})
		}
	}
}

// strangers know the token and come from elsewhere, or say that they do not.
func strangers(f *front) {
	for _, lie := range []http.Header{
		{}, {"X-Forwarded-For": {"127.0.0.1"}}, {"X-Forwarded-For": {"127.0.0.1", "::1"}}, {"X-Forwarded-For": {"203.0.113.1, 127.0.0.1"}}, {"X-Forwarded-For": {"nonsense"}},
		{"Forwarded": {"for=127.0.0.1"}}, {"X-Real-Ip": {"127.0.0.1"}}, {"X-Forwarded-Host": {"localhost"}},
	} {
		o := f.device()
		for k, v := range lie {
			o.Header[k] = v
		}
		if got := f.knock(o); got != wire.NotPaired {
			f.t.Errorf("%v: a device is told %q", lie, got)
		}
		if got, _ := f.http("GET", "/metrics", o.Header, nil); got != http.StatusUnauthorized {
			f.t.Errorf("%v: /metrics without a token: %d", lie, got)
		}
	}
	bearer := http.Header{"Authorization": {"Bearer " + kerneltest.Token}, "Test-From": {"198.51.100.7"}}
	if got, _ := f.http("GET", "/metrics", bearer, nil); got != http.StatusOK {
		f.t.Errorf("/metrics with the token: %d", got)
	}
	var list struct{ Pending []struct{ RemoteIP string } }
	if err := f.owner().Call(f.t.Context(), "device.pair.list", nil, &list); err != nil || len(list.Pending) == 0 {
		f.t.Fatalf("%v, %v", list, err)
	}
	want := "127.0.0.1" // where Caddy sees the test
	if f.knows {
		want = "198.51.100.7"
	}
	for _, r := range list.Pending {
		if r.RemoteIP != want {
			f.t.Errorf("a request comes from %s, not %s", r.RemoteIP, want)
		}
	}
}

// guessers are told to stay away, over either door, and nobody else is.
func guessers(f *front) {
	guess := f.device()
	guess.Token = "a guess"
	slowed, told := false, http.Header{}
	for range 30 {
		slowed = slowed || f.knock(guess) == wire.Unavailable
	}
	for range 30 {
		if status, h := f.http("GET", "/metrics", http.Header{"Authorization": {"Bearer guess"}, "Test-From": {"198.51.100.7"}}, nil); status == http.StatusTooManyRequests {
			told = h
		}
	}
	if !slowed || told.Get("Retry-After") == "" {
		f.t.Errorf("nobody stops a guesser: %t, %v", slowed, told)
	}
	if got := f.knock(f.device()); got != wire.NotPaired {
		f.t.Errorf("who is right beside a guesser: %q", got)
	}
	if f.knows {
		for range 30 {
			_ = f.knock(guess)
		}
		guess.Header = http.Header{"Test-From": {"198.51.100.8"}}
		if got := f.knock(guess); got != "INVALID_REQUEST" {
			f.t.Errorf("another client pays for the guesser: %q", got)
		}
	}
	_ = f.owner()
}

// pages of the gateway's own name may connect, others may not.
func pages(f *front) {
	for origin, want := range map[string]string{"https://" + name: wire.NotPaired, "https://evil.example.org": "origin", "https://" + name + ":8443": "origin"} {
		o := f.device()
		o.Header.Set("Origin", origin)
		if got := f.knock(o); !strings.Contains(got, want) {
			f.t.Errorf("a page of %s: %q", origin, got)
		}
	}
}

// large frames and bodies pass as far as the gateway takes them.
func large(f *front) {
	c := f.paired()
	file := map[string]any{"type": "file", "fileName": "zeros.bin", "content": make([]byte, 15<<20)} // 20 MB in base64
	if err := c.Call(f.t.Context(), "chat.send", map[string]any{"sessionKey": "files", "idempotencyKey": "f", "attachments": []any{file}, "message": "keep it"}, nil); err != nil {
		f.t.Errorf("a frame of 20 MB: %v", err)
	}
	text := strings.Repeat("word ", 40_000)
	if err := c.Call(f.t.Context(), "chat.send", map[string]any{"sessionKey": "main", "message": text, "idempotencyKey": "r"}, nil); err != nil {
		f.t.Fatal(err)
	}
	if err := c.Call(f.t.Context(), "agent.wait", map[string]any{"runId": "r", "timeoutMs": kerneltest.Patience.Milliseconds()}, nil); err != nil {
		f.t.Error(err)
	}
	var history json.RawMessage
	if err := c.Call(f.t.Context(), "chat.history", map[string]any{"sessionKey": "main"}, &history); err != nil || len(history) < len(text) {
		f.t.Errorf("a history of %d bytes, %v", len(history), err)
	}
	if !f.knows {
		return // Caddy leaves the size of bodies to the gateway
	}
	for size, want := range map[int]int{8 << 20: http.StatusNotFound, 8<<20 + 1: http.StatusRequestEntityTooLarge} {
		if got, _ := f.http("POST", "/plugins/none/default/", nil, bytes.NewReader(make([]byte, size))); got != want {
			f.t.Errorf("a webhook of %d bytes: %d, want %d", size, got, want)
		}
	}
}

// crowds of one address get no more than their share, through a proxy too, whether they say something or not.
func crowds(f *front) {
	if !f.knows {
		return
	}
	refused := 0
	for n := range 80 {
		c, err := f.dial(f.t.Context(), "tcp", "")
		if err != nil {
			f.t.Fatal(err)
		}
		f.t.Cleanup(func() { _ = c.Close() })
		fmt.Fprintf(c, "GET /ws HTTP/1.1\r\nHost: %s\r\nTest-From: 198.51.100.9\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", name)
		b := make([]byte, 12)
		if _, err := io.ReadFull(c, b); err != nil {
			f.t.Fatalf("connection %d: %v", n, err)
		}
		if strings.HasSuffix(string(b), "503") {
			refused++
		}
	}
	if refused != 80-64 {
		f.t.Errorf("%d of 80 silent connections were refused", refused)
	}
	if got := f.knock(f.device()); got != wire.NotPaired {
		f.t.Errorf("another address: %q", got)
	}
	_ = f.owner()
}

// stopping is told to clients in form.
func stopping(f *front) {
	c := f.paired()
	f.kernel.Stop()
	select {
	case <-c.Done():
	case <-time.After(kerneltest.Patience):
		f.t.Fatal("the connection is open")
	}
	if err := c.Err(); err == nil || !strings.Contains(err.Error(), "gateway stopping") {
		f.t.Errorf("the connection ended with %v", err)
	}
	if got, _ := f.http("GET", "/health", nil, nil); got != http.StatusBadGateway {
		f.t.Errorf("the proxy says %d of a gateway that is gone", got)
	}
}

// TestAPlainProxyPass: nginx that forwards and says nothing of its clients is what the page warns of. With the page's
// settings nobody who comes through it is the owner.
func TestAPlainProxyPass(t *testing.T) {
	shown := page(t)
	kept := []string{}
	for line := range strings.Lines(shown["nginx proxy"]) {
		if !strings.Contains(line, "X-Forwarded-For") && !strings.Contains(line, "$http_host") {
			kept = append(kept, line)
		}
	}
	f := start(t, shown["json config"])
	f.nginx(strings.Join(kept, ""))
	if got := f.knock(f.device()); got != wire.NotPaired {
		t.Errorf("a device is told %q", got)
	}
	if got, _ := f.http("GET", "/metrics", nil, nil); got != http.StatusUnauthorized {
		t.Errorf("/metrics without a token: %d", got)
	}
	_ = f.owner()
}

// TestIdleConnectionsLive: a client that says nothing hears from the gateway before nginx takes the connection for dead.
func TestIdleConnectionsLive(t *testing.T) {
	t.Parallel()
	shown := page(t)
	f := start(t, shown["json config"])
	f.nginx(with(t, shown["nginx proxy"], "proxy_read_timeout 5m;", "proxy_read_timeout 40s;"))
	c := f.paired()
	for ticks := 0; ticks < 2; {
		select {
		case e, open := <-c.Events():
			if !open {
				t.Fatalf("behind %d ticks: %v", ticks, c.Err())
			}
			if e.Name == "tick" {
				ticks++
			}
		case <-time.After(kerneltest.Patience):
			t.Fatal("no ticks")
		}
	}
	if err := c.Call(t.Context(), "health", nil, nil); err != nil {
		t.Error(err)
	}
}
