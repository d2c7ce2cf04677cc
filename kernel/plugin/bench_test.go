package plugin_test

import (
	"context"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/host"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/kernel/plugin/source"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// BenchmarkHandle is what the registry adds to a call: finding the version, counting, JSON, checks.
func BenchmarkHandle(b *testing.B) {
	memory, bus, db := &plugintest.Memory{}, new(event.Bus), store.OpenMemory()
	m := manifest("chat", "1.0.0", func(m *wit.Manifest) {
		m.Provides.Channel = &wit.ChannelFacts{Label: "c"}
		m.Config = wit.JSON(`{"type":"object","properties":{"room":{"type":"string"},"t":{"type":"string","x-secret":true}}}`)
	})
	memory.Put(plugintest.Fake{Manifest: m, Exports: exports{"channel_event": answers(`{"state":{"offset":1}}`), "channel_send": answers(`{}`)}})
	r, err := plugin.Open(context.Background(), plugin.Deps{Host: host.New(host.Deps{Store: db, Bus: bus}), Store: db, Bus: bus,
		Settings: &settings{accounts: map[string]string{"chat/main": `{"room":"x"}`}}, Logger: hclog.NewNullLogger(), Sources: []source.Source{memory}})
	if err != nil {
		b.Fatal(err)
	}
	if err := r.Load(context.Background()); err != nil {
		b.Fatal(err)
	}
	c, err := r.Channel("chat")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Event(context.Background(), &wit.ChannelEvent{Account: "main", State: wit.JSON(`{"offset":1}`)}); err != nil {
			b.Fatal(err)
		}
	}
}
