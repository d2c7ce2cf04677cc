package kernel_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/plugin/install"
	"github.com/carapace-gateway/carapace/kernel/service/system"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// TestWhatBecomesOfAPluginIsWholeOrNothing has the disk of a gateway fail at each transaction, in turn and for good, of what an
// owner does with a plugin, and starts another one on it: the plugin is as it was, or as it was to be.
func TestWhatBecomesOfAPluginIsWholeOrNothing(t *testing.T) {
	t.Parallel()
	old, next := release{version: "1.0.0", says: "one"}.pack(t), release{version: "2.0.0", says: "two"}.pack(t)
	for name, c := range map[string]struct {
		method   string
		params   func(o *owner) any
		was, new string // what it says
		prepare  func(o *owner)
	}{
		"rolled back": {method: "plugins.rollback", params: ofParrot, was: "two", new: "one", prepare: func(o *owner) { o.install(next) }},
		"revoked":     {method: "plugins.revokeGrant", params: ofParrot, was: "one"},
		"removed":     {method: "plugins.uninstall", params: ofParrot, was: "one"},
		"granted": {method: "plugins.grant", new: "one", prepare: func(o *owner) { o.MustCall("plugins.revokeGrant", plugin.IDParams{ID: "parrot"}, nil) },
			params: func(o *owner) any { return plugin.GrantParams{ID: "parrot", Digest: o.info().Waiting.Digest} }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			outcomes := map[string]int{}
			for first, total := 1, 1; first <= total+1; first++ {
				o := newOwner(t)
				o.install(old)
				if c.prepare != nil {
					c.prepare(o)
				}
				params := c.params(o)
				o.disk.Fail(storetest.FaultCommit, first, 1_000_000)
				err := o.Call(t.Context(), c.method, params, nil)
				total = o.disk.Transactions()
				o.disk.Fail("", 0, 0)
				o.restart()
				if heard, want := o.hears(), map[bool]string{true: c.was, false: c.new}[err != nil]; heard != want {
					t.Errorf("died at %d of %d, %v: it says %q, want %q", first, total, err, heard, want)
				}
				outcomes[o.hears()]++
				o.k.Stop()
			}
			if len(outcomes) != 2 {
				t.Errorf("%v: not each outcome was seen", outcomes)
			}
		})
	}
}

func ofParrot(*owner) any { return plugin.IDParams{ID: "parrot"} }

// TestKilledWhileItChangesPlugins ends a gateway with SIGKILL at some moment while a plugin is installed, updated, turned off and on,
// granted, revoked, rolled back or removed: the next one starts, and has the plugin as it was before or as it was to be.
func TestKilledWhileItChangesPlugins(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	h := &household{t: t, r: rand.New(rand.NewPCG(seed, 3)), dir: t.TempDir(), packages: map[string]string{}, outcomes: map[string]int{}}
	t.Logf("seed %d", seed)
	for n := range 3 {
		version := fmt.Sprintf("1.%d.0", n)
		h.packages[version] = sent(release{version: version, says: "it is " + version}.pack(t)).Archive
	}
	for range 10 {
		h.begin()
		h.stroke()
	}
	h.begin()
	t.Logf("%v", h.outcomes)
}

// household is an owner of gateways that are killed.
type household struct {
	t        *testing.T
	r        *rand.Rand
	dir      string
	packages map[string]string // archives, by their version
	v        *serving
	conn     *client.Client
	// known is what the plugin may be now.
	known    []string
	outcomes map[string]int
}

// begin starts a gateway, and finds the plugin as it may be.
func (h *household) begin() {
	h.t.Helper()
	h.v = startServing(h.t, h.dir)
	conn, err := h.v.dial(client.Options{Scopes: []wire.Scope{wire.ScopeAdmin}, Token: kerneltest.Token})
	if err != nil {
		h.t.Fatalf("%v\n%s", err, &h.v.log)
	}
	h.conn = conn
	is := h.is()
	if len(h.known) > 0 && !slices.Contains(h.known, is) {
		h.t.Fatalf("it is %q, and may be %q\n%s", is, h.known, &h.v.log)
	}
	switch {
	case len(h.known) == 1:
		h.outcomes["said to be done"]++
	case len(h.known) == 2 && is == h.known[0]:
		h.outcomes["not done"]++
	case len(h.known) == 2:
		h.outcomes["done, and nobody told"]++
	}
	h.known = []string{is}
}

// is says how the plugin is: the version, whether it runs, and what it says if it does.
func (h *household) is() string {
	h.t.Helper()
	var list struct{ Plugins []plugin.Status }
	if err := h.conn.Call(h.t.Context(), "plugins.status", nil, &list); err != nil {
		h.t.Fatal(err)
	}
	n := slices.IndexFunc(list.Plugins, func(p plugin.Status) bool { return p.ID == "parrot" })
	if n < 0 {
		return "absent"
	}
	switch p := list.Plugins[n]; {
	case strings.Contains(p.Reason, "needs grant"):
		return p.Version + " revoked"
	case p.State == plugin.StateStopped:
		return p.Version + " off"
	case p.State == plugin.StateFailed:
		return p.Version + " failed: " + p.Reason
	default:
		var out plugin.CallResult
		if err := h.conn.Call(h.t.Context(), "plugins.call", plugin.CallParams{ID: "parrot", Tool: "parrot"}, &out); err != nil || len(out.Content) != 1 || *out.Content[0].Text != "it is "+p.Version {
			h.t.Fatalf("%s answers %+v, %v", p.Version, out, err)
		}
		return p.Version + " on"
	}
}

// stroke asks for a change, and kills the gateway meanwhile.
func (h *household) stroke() {
	h.t.Helper()
	was := h.known[0]
	method, params, next := h.change(was)
	struck := make(chan struct{})
	after := time.Duration(100<<h.r.IntN(12)+h.r.IntN(200)) * time.Microsecond // up to 0.2 s: a disk may be slow, and a change is quick
	go func() {
		defer close(struck)
		time.Sleep(after)
		_ = h.v.cmd.Process.Kill()
	}()
	err := h.conn.Call(h.t.Context(), method, params, nil)
	<-struck
	_ = h.v.cmd.Wait()
	if h.known = []string{was, next}; err == nil {
		h.known = []string{next} // that it was done was said
	}
}

// change is something that can be done with the plugin as it is, and how it is then.
func (h *household) change(is string) (method string, params any, next string) {
	version, state, _ := strings.Cut(is, " ")
	of := plugin.IDParams{ID: "parrot"}
	enabled := func(on bool) any { return system.Setup{ID: "parrot", Enabled: &on} }
	switch choice := h.r.IntN(4); {
	case state == "off":
		return "plugins.configure", enabled(true), version + " on"
	case state == "revoked" && choice > 0:
		var d plugin.Details
		if err := h.conn.Call(h.t.Context(), "plugins.info", of, &d); err != nil || d.Waiting == nil {
			h.t.Fatal(d, err)
		}
		return "plugins.grant", plugin.GrantParams{ID: "parrot", Digest: d.Waiting.Digest}, version + " on"
	case state == "on" && choice == 1:
		return "plugins.configure", enabled(false), version + " off"
	case state == "on" && choice == 2:
		return "plugins.revokeGrant", of, version + " revoked"
	case state == "on" && choice == 3:
		return "plugins.uninstall", of, "absent"
	}
	to := fmt.Sprintf("1.%d.0", h.r.IntN(len(h.packages)))
	s := install.Source{Archive: h.packages[to]}
	var p install.Preview
	if err := h.conn.Call(h.t.Context(), "plugins.preview", s, &p); err != nil {
		h.t.Fatal(err)
	}
	return "plugins.install", install.Params{Source: s, Digest: p.Digest, Older: true}, to + " on"
}
