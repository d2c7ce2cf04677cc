package plugin_test

import (
	"context"
	"sync"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/host"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/kernel/plugin/source"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// BenchmarkHandle is what the registry adds to a call: finding the version, counting, JSON, checks.
func BenchmarkHandle(b *testing.B) { benchmarkHandle(b, func(*plugin.Registry) {}) }

// BenchmarkHandleTraced is the same while somebody looks at the plugin's calls.
func BenchmarkHandleTraced(b *testing.B) {
	benchmarkHandle(b, func(r *plugin.Registry) {
		table, err := rpc.NewTable(r.Methods()...)
		if err != nil {
			b.Fatal(err)
		}
		reader := &rpc.Caller{Role: wire.RoleOperator, Scopes: []wire.Scope{wire.ScopeRead}}
		if _, err := table.Call(context.Background(), reader, "plugins.trace", []byte(`{"id":"chat"}`), nil); err != nil {
			b.Fatal(err)
		}
	})
}

func benchmarkHandle(b *testing.B, look func(*plugin.Registry)) {
	m := manifest("chat", "1.0.0", func(m *wit.Manifest) {
		m.Provides.Channel = &wit.ChannelFacts{Label: "c"}
		m.Config = wit.JSON(`{"type":"object","properties":{"room":{"type":"string"},"t":{"type":"string","x-secret":true}}}`)
	})
	r := loaded(b, plugintest.Fake{Manifest: m, Exports: exports{"channel_event": answers(`{"state":{"offset":1}}`), "channel_send": answers(`{}`)}})
	c, err := r.Channel("chat")
	if err != nil {
		b.Fatal(err)
	}
	look(r)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Event(context.Background(), &wit.ChannelEvent{Account: "main", State: wit.JSON(`{"offset":1}`)}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPrepare is what a hook that is ready costs before it is asked, while the registry runs.
func BenchmarkPrepare(b *testing.B) {
	m := manifest("watch", "1.0.0", func(m *wit.Manifest) { m.Provides.Hooks = []wit.HookFacts{{Name: wit.HookNameMessageSending}} })
	r := loaded(b, plugintest.Fake{Manifest: m, Exports: exports{"hook_handle": answers(`{}`)}})
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := r.Run(ctx); err != nil {
			b.Error(err)
		}
	})
	h := r.Hooks(wit.HookNameMessageSending)[0]
	b.ReportAllocs()
	for b.Loop() {
		if err := h.Prepare(ctx); err != nil {
			b.Fatal(err)
		}
	}
	cancel()
	running.Wait()
}

// loaded returns a registry of one plugin, which does not run.
func loaded(b *testing.B, f plugintest.Fake) *plugin.Registry {
	b.Helper()
	memory, bus, db := &plugintest.Memory{}, new(event.Bus), store.OpenMemory()
	memory.Put(f)
	r, err := plugin.Open(context.Background(), plugin.Deps{Host: host.New(host.Deps{Store: db, Bus: bus}), Store: db, Bus: bus,
		Settings: &settings{accounts: map[string]string{"chat/main": `{"room":"x"}`}}, Logger: hclog.NewNullLogger(), Sources: []source.Source{memory}})
	if err != nil {
		b.Fatal(err)
	}
	if err := r.Load(context.Background()); err != nil {
		b.Fatal(err)
	}
	return r
}
