// Package kerneltest boots whole kernels in tests: all in memory, no port, no disk, gone with the test.
// Two of them live in one test process without knowing of each other.
//
//	k := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Echo("echo")))
//	c := k.Dial()
//	c.Call(t.Context(), "chat.send", …)
package kerneltest

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel"
	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/gateway/gatewaytest"
	"github.com/carapace-gateway/carapace/kernel/logs"
	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/kernel/plugin/source"
	"github.com/carapace-gateway/carapace/kernel/secret"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// Token is every test kernel's gateway token.
const Token = "kerneltest-token"

// Kernel is a running kernel of a test.
type Kernel struct {
	t      testing.TB
	kernel *kernel.Kernel
	// without names the services that were left out.
	without string
	memory  *gatewaytest.Listener
	log     *logs.Log
	stop    context.CancelFunc
	done    chan error
}

// Option changes what Start boots.
type Option func(*kernel.Options)

// Config parses text as the config file.
func Config(t testing.TB, text string) Option {
	t.Helper()
	if _, err := config.Parse([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return func(o *kernel.Options) { o.ConfigText = []byte(text) }
}

// StateDir keeps the kernel's state in a folder, so that a second Start finds it.
func StateDir(dir string) Option { return func(o *kernel.Options) { o.StateDir = dir } }

// Store gives the kernel a store, which a second kernel may have after it if the store's Close lets it. The keyring
// goes with the store.
func Store(s store.Store, keyring secret.Ring) Option {
	return func(o *kernel.Options) { o.Store, o.Keyring = s, keyring }
}

// Keyring is a keyring in memory.
type Keyring map[string]string

// Get implements secret.Ring.
func (k Keyring) Get(item string) (string, error) { return k[item], nil }

// Set implements secret.Ring.
func (k Keyring) Set(item, value string) error { k[item] = value; return nil }

// Delete implements secret.Ring.
func (k Keyring) Delete(item string) error { delete(k, item); return nil }

// Builtins gives the kernel plugins as files.
func Builtins(files fs.FS) Option { return func(o *kernel.Options) { o.Builtins = files } }

// Cache shares compiled plugins between the kernels of a test.
func Cache(dir string) Option { return func(o *kernel.Options) { o.CacheDir = dir } }

// Source adds a source of plugins.
func Source(s source.Source) Option {
	return func(o *kernel.Options) { o.Sources = append(o.Sources, s) }
}

// Plugin adds plugins made of Go functions.
func Plugin(fakes ...plugintest.Fake) Option {
	memory := new(plugintest.Memory)
	for _, f := range fakes {
		memory.Put(f)
	}
	return Source(memory)
}

// Log writes the kernel's log to w.
func Log(w io.Writer) Option {
	return func(o *kernel.Options) {
		if l, err := logs.New(logs.Config{Level: "debug", Console: w}); err == nil {
			o.Log = l
		}
	}
}

// Start boots a kernel and stops it with the test. It fails the test when that does not work.
func Start(t testing.TB, options ...Option) *Kernel {
	t.Helper()
	k, err := TryStart(t, options...)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TryStart is Start for a kernel that may not come up.
func TryStart(t testing.TB, options ...Option) (*Kernel, error) {
	t.Helper()
	memory := gatewaytest.NewListener()
	log, err := logs.New(logs.Config{})
	if err != nil {
		t.Fatal(err)
	}
	o := kernel.Options{Version: "1.0.0", Log: log, Listener: memory, Override: override}
	for _, option := range options {
		option(&o)
	}
	if o.StateDir != "" {
		o.ConfigPath = configFile(t, o)
	}
	k, err := kernel.New(context.Background(), o)
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	running := &Kernel{t: t, without: strings.Join(o.Without, " "), kernel: k, memory: memory, log: o.Log, stop: stop, done: make(chan error, 1)}
	ready := make(chan struct{})
	go func() { running.done <- k.Run(ctx, func(kernel.Endpoint) { close(ready) }) }()
	select {
	case <-ready:
	case err := <-running.done:
		stop()
		return nil, fmt.Errorf("the kernel did not start: %w", err)
	}
	t.Cleanup(running.Stop)
	return running, nil
}

// override is what every test kernel's start says over its settings.
func override(c *config.Config) {
	off := false
	c.Gateway.Token, c.Secrets.Keyring = Token, &off
}

// configFile puts the settings into the state directory. A second Start with the same settings finds the file as the
// first one left it.
func configFile(t testing.TB, o kernel.Options) string {
	t.Helper()
	path, given := filepath.Join(o.StateDir, "carapace.json"), filepath.Join(o.StateDir, "kerneltest.json")
	if before, err := os.ReadFile(given); err == nil && bytes.Equal(before, o.ConfigText) || o.ConfigText == nil {
		return path
	}
	for _, file := range []string{path, given} {
		if err := os.WriteFile(file, o.ConfigText, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// Listen connects like Dial and keeps what the client is told.
func (k *Kernel) Listen(scopes ...wire.Scope) *Listener {
	k.t.Helper()
	return Listen(k.t, k.Dial(scopes...))
}

// HTTP is a client whose every request goes to the kernel: http://kernel/health.
func (k *Kernel) HTTP() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: k.memory.Dial, DisableKeepAlives: true}}
}

// Logged returns what the kernel has logged.
func (k *Kernel) Logged() []string { return k.log.Tail(nil, 5000, 1<<20).Lines }

// Rest has the kernel give back what it keeps to be faster.
func (k *Kernel) Rest() { k.kernel.Rest() }

// Stop stops the kernel and waits for it. It may be called more than once.
func (k *Kernel) Stop() {
	k.t.Helper()
	k.stop()
	if err, ok := <-k.done; ok {
		close(k.done)
		if err != nil {
			k.t.Errorf("the kernel did not stop cleanly: %v", err)
		}
		if k.t.Failed() {
			for _, line := range k.log.Tail(nil, 200, 1<<20).Lines {
				k.t.Log(line)
			}
		}
	}
}

// Dial connects as an operator with these scopes; none is all of them. The connection ends with the test.
func (k *Kernel) Dial(scopes ...wire.Scope) *client.Client {
	k.t.Helper()
	if len(scopes) == 0 {
		scopes = []wire.Scope{wire.ScopeAdmin, wire.ScopeApprovals, wire.ScopePairing}
	}
	c, err := k.TryDial(client.Options{Scopes: scopes, Token: Token, Caps: []string{"tool-events"}})
	if err != nil {
		k.t.Fatal(err)
	}
	return c
}

// TryDial connects with these options, over the kernel's own network. Every frame of the connection is
// checked against the contract with clients; one that breaks it fails the test.
func (k *Kernel) TryDial(o client.Options) (*client.Client, error) {
	o.URL, o.Dial, o.Trace = "ws://127.0.0.1", k.memory.Dial, k.watch()
	c, err := client.Dial(context.Background(), o)
	if err == nil {
		k.t.Cleanup(func() { _ = c.Close() })
	}
	return c, err
}

// Stuck connects as a client of protocol 3 that reads nothing after its hello-ok until the test does,
// from the raw connection that it returns.
func (k *Kernel) Stuck() net.Conn {
	k.t.Helper()
	var raw net.Conn
	gate := make(chan struct{})
	c, err := client.Dial(context.Background(), client.Options{URL: "ws://127.0.0.1", Token: Token, MinProtocol: 3, MaxProtocol: 3,
		Dial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := k.memory.Dial(ctx, network, addr)
			raw = conn
			return &gated{Conn: conn, gate: gate}, err
		}})
	if err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(func() { _ = raw.Close(); close(gate); <-c.Done() })
	return raw
}

// gated lets one reader through until hello-ok came whole.
type gated struct {
	net.Conn
	gate  chan struct{}
	left  int // bytes of hello-ok that are to come
	hello bool
}

func (g *gated) Read(b []byte) (int, error) {
	if g.hello && g.left == 0 {
		<-g.gate
		return 0, io.EOF
	}
	if g.hello {
		b = b[:min(len(b), g.left)]
	}
	n, err := g.Conn.Read(b)
	if g.hello {
		g.left -= n
	} else if bytes.Contains(b[:n], []byte(`"hello-ok"`)) {
		g.hello, g.left = true, missing(b[:n])
	}
	return n, err
}

// missing is how many bytes of the last frame of a WebSocket's text are not there. Its text has 126 to 65,535 bytes.
func missing(text []byte) int {
	at := bytes.LastIndex(text, []byte{0x81, 126})
	return max(0, at+4+int(binary.BigEndian.Uint16(text[at+2:]))-len(text))
}

// Connect opens a raw connection to the kernel.
func (k *Kernel) Connect(ctx context.Context) (net.Conn, error) { return k.memory.Dial(ctx, "", "") }
