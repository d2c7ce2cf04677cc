package plugin

import (
	"context"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/host"
	"github.com/carapace-gateway/carapace/kernel/plugin/life"
	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/kernel/plugin/source"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// unset is what an owner configured who configured nothing.
type unset struct{}

func (unset) Fault(string, string) string                   { return "" }
func (unset) PluginEnabled(string) bool                     { return true }
func (unset) PluginConfig(string) wit.JSON                  { return nil }
func (unset) AccountConfig(string, string) (wit.JSON, bool) { return nil, false }

// TestLateEvents: what a call of a plugin reports that has been removed says nothing about the plugin that has come
// under the same id since.
func TestLateEvents(t *testing.T) {
	ctx := context.Background()
	memory, bus, db := &plugintest.Memory{}, new(event.Bus), store.OpenMemory()
	r, err := Open(ctx, Deps{Host: host.New(host.Deps{Store: db, Bus: bus}), Store: db, Settings: unset{}, Bus: bus, Sources: []source.Source{memory}})
	if err != nil {
		t.Fatal(err)
	}
	load := func() {
		t.Helper()
		if err := r.Load(ctx); err != nil {
			t.Fatal(err)
		}
	}
	put := func(version string) {
		memory.Put(plugintest.Fake{
			Manifest: wit.Manifest{ID: "p", Name: "P", Version: version, Description: "For tests.", ABI: 1, Entry: "plugin.wasm",
				Provides: wit.Provides{Tools: []wit.ToolDefinition{{Name: "say", Description: "Says.", Parameters: wit.JSON(`{"type":"object"}`)}}}},
			Exports: map[string]func(context.Context, []byte) ([]byte, error){"tool_invoke": nil},
		})
		load()
	}
	stopped := make(chan struct{})
	ChangedKind.Subscribe(bus, func(c Changed) {
		if c.State == StateStopped {
			close(stopped)
		}
	})

	put("1.0.0")
	old, err := r.table.current("p")
	if err != nil {
		t.Fatal(err)
	}
	memory.Remove("p")
	load()
	<-stopped
	r.mailbox.do(func() {
		if len(r.keeper.entries) != 0 {
			t.Errorf("%d entries are left", len(r.keeper.entries))
		}
	})
	put("2.0.0")
	if now, err := r.table.current("p"); err != nil || now.ref != old.ref {
		t.Fatal("the new version has another number, and the event below proves nothing: ", err)
	}

	for _, ev := range []life.Event{life.Checked{Ref: old.ref}, life.Worked{Ref: old.ref}} {
		old.report(old, ev)
		if s := r.List(); len(s) != 1 || s[0].Version != "2.0.0" || s[0].State != StateInstalled {
			t.Errorf("after %T: %+v", ev, s)
		}
	}
}
