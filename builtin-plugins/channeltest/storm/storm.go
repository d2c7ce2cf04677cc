// Package storm has a crowd write to an account of a whole gateway in memory, while the platform does badly, the plugin is loaded
// anew and the gateway is started again.
package storm

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/service/delivery"
	"github.com/carapace-gateway/carapace/kernel/service/system"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

// Options say how large a storm is. The zero value is one of 60 messages.
type Options struct {
	Messages, People int
	// Fields are of the gateway's configuration, besides the account, such as `,"hooks":{}`.
	Fields string
}

// Gateway is a gateway with the built-in plugins and an account of a platform, which everybody may write to.
type Gateway struct {
	*kerneltest.Kernel
	*kerneltest.Listener
	t testing.TB
}

// Start boots a gateway for a platform, with its state in a folder. root is the folder of the built-in plugins, seen from the
// test. The gateway has connected when Start returns.
func Start(t testing.TB, p channeltest.Platform, root, state string, fields string) *Gateway {
	t.Helper()
	k := kerneltest.Start(t, kerneltest.Bundled(t, root), kerneltest.Compiled(t), kerneltest.StateDir(state),
		kerneltest.Config(t, `{"session":{"dmScope":"per-channel-peer"},"secrets":{"keyring":false}`+fields+`}`))
	l := k.Listen()
	if r, ok := p.(channeltest.Reachable); ok {
		r.Reach(door(t, k))
	}
	a := p.Account()
	l.MustCall("plugins.configure", map[string]any{"id": a.Channel, "account": "default", "config": a.Config, "secrets": a.Secrets, "access": map[string]any{"dmPolicy": "open"}}, nil)
	ctx, cancel := context.WithTimeout(t.Context(), kerneltest.Patience)
	defer cancel()
	if err := p.Wait(ctx, p.Connected); err != nil {
		t.Fatalf("the account does not connect: %v", err)
	}
	return &Gateway{k, l, t}
}

// StartSlow is Start with a model that writes the beginning of an answer, "**The beginning** of it", and ", and the end." when finish is
// called.
func StartSlow(t testing.TB, p channeltest.Platform, root string) (g *Gateway, finish func()) {
	t.Helper()
	rest := make(chan struct{})
	url := slowModel(t, rest)
	g = Start(t, p, root, t.TempDir(), fmt.Sprintf(`,"agent":{"model":"openai/slow"},"plugins":{"openai":{"config":{"baseUrl":"%s/v1","model":"slow"}}}`, url))
	g.MustCall("plugins.configure", map[string]any{"id": "openai", "secrets": map[string]string{"api_key": "sk-test"}}, nil)
	return g, sync.OnceFunc(func() { close(rest) })
}

// slowModel is a server of completions that waits for the rest of an answer.
func slowModel(t testing.TB, rest <-chan struct{}) (url string) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			fmt.Fprint(w, `{"data":[{"id":"slow"}]}`)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		say := func(text string) {
			fmt.Fprintf(w, "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":%q}}]}\n\n", text)
			w.(http.Flusher).Flush()
		}
		say("**The beginning** of it")
		select {
		case <-rest:
		case <-r.Context().Done():
			return
		}
		say(", and the end.")
		fmt.Fprint(w, "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// door is an address on loopback through which a platform reaches a gateway in memory.
func door(t testing.TB, k *kerneltest.Kernel) string {
	s := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: "kernel"})
			r.Out.Host = r.In.Host
		},
		Transport: k.HTTP().Transport, ErrorLog: log.New(io.Discard, "", 0),
	})
	t.Cleanup(func() {
		_ = s.Listener.Close()
		s.CloseClientConnections() // some are of people who listen for as long as they can
		s.Close()
	})
	return s.URL
}

// Run has people ask questions while the platform does badly, the plugin is upgraded twice and the gateway is started again. The
// platform does well again when half of the answers are there. Run fails the test where an answer is lost, comes twice, comes to somebody
// else or comes in another order, unless the platform may tell of messages so, once nothing is on its way any more.
func Run(t *testing.T, p channeltest.Platform, root string, o Options) {
	t.Helper()
	o.Messages, o.People = cmp.Or(o.Messages, 60), cmp.Or(o.People, 12)
	state, id := t.TempDir(), p.Account().Channel
	g := Start(t, p, root, state, o.Fields)
	var oracle channeltest.Oracle
	p.Trouble(true)
	for i := range o.Messages {
		person := i % o.People
		p.Say(person, oracle.Ask(person))
		switch i {
		case o.Messages / 4, o.Messages * 3 / 4:
			g.Upgrade(root, state, id, fmt.Sprintf("9.0.%d", i))
		case o.Messages / 2:
			g.Stop()
			g = Start(t, p, root, state, o.Fields)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), kerneltest.Patience)
	defer cancel()
	_ = p.Wait(ctx, func() bool { return len(oracle.Count(p.Heard()).Lost) <= o.Messages/2 })
	p.Trouble(false)
	_ = p.Wait(ctx, func() bool { return len(oracle.Count(p.Heard()).Lost) == 0 })
	g.Settle()
	got := oracle.Count(p.Heard(), channeltest.ToldBy(p)...)
	ordered := got.Disordered == 0 || p.Account().Disorders
	if len(got.Lost)+len(got.Doubled())+len(got.Wrong) > 0 || !ordered {
		t.Errorf("of %d questions %d have no answer, %d have several, %d answers are not in order; wrong: %.5q",
			got.Asked, len(got.Lost), len(got.Doubled()), got.Disordered, got.Wrong)
	}
}

// Settle returns when nothing is on its way out any more: neither an answer nor another attempt at one.
func (g *Gateway) Settle() {
	g.t.Helper()
	over := func(events []client.Event) (n int) {
		for _, e := range events {
			if e.Name == delivery.DeliveredKind.Name || e.Name == delivery.FailedKind.Name {
				n++
			}
		}
		return n
	}
	for {
		before := over(g.Events())
		var status system.Status
		if g.MustCall("status", nil, &status); status.Queued.Runs+status.Queued.Outbound == 0 {
			return
		}
		g.Until("a message is over", func(events []client.Event) bool { return over(events) > before })
	}
}

// Upgrade puts another version of a built-in plugin into the gateway's folder of plugins, as an author would, and returns when it
// runs. It is the same code.
func (g *Gateway) Upgrade(root, state, id, version string) {
	g.t.Helper()
	manifest, err := os.ReadFile(filepath.Join(root, id, "plugin.json"))
	if err != nil {
		g.t.Fatal(err)
	}
	manifest = regexp.MustCompile(`"version": "[^"]*"`).ReplaceAll(manifest, []byte(`"version": "`+version+`"`))
	dir := filepath.Join(state, "plugins", id)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		g.t.Fatal(err)
	}
	var m wit.Manifest
	if err := wit.UnmarshalStrict(manifest, &m); err != nil {
		g.t.Fatal(err)
	}
	bundle, _, _ := strings.Cut(m.Entry, "#")
	code := filepath.Join(dir, bundle)
	if _, err := os.Stat(code); err != nil {
		g.write(code, kerneltest.Bundle(g.t, bundle))
	}
	g.write(filepath.Join(dir, "plugin.json"), manifest)
	g.Event("plugins.changed", func(b json.RawMessage) bool {
		var c plugin.Changed
		return json.Unmarshal(b, &c) == nil && c.ID == id && c.Version == version && c.State == plugin.StateReady
	})
}

// write replaces a file at once.
func (g *Gateway) write(path string, data []byte) {
	g.t.Helper()
	if err := os.WriteFile(path+"~", data, 0o644); err != nil {
		g.t.Fatal(err)
	}
	if err := os.Rename(path+"~", path); err != nil {
		g.t.Fatal(err)
	}
}
