package plugin_test

import (
	"context"
	"fmt"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/host"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/kernel/plugin/source"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// A registry finds plugins in its sources; a handle calls whatever version is current.
func Example() {
	ctx := context.Background()
	plugins := new(plugintest.Memory)
	plugins.Put(plugintest.Fake{
		Manifest: wit.Manifest{
			ID: "dice", Name: "Dice", Version: "1.0.0", Description: "Rolls dice.", ABI: 1, Entry: "plugin.wasm",
			Provides: wit.Provides{Tools: []wit.ToolDefinition{{Name: "roll", Description: "Rolls a die.", Parameters: wit.JSON(`{"type":"object"}`)}}},
		},
		Exports: map[string]func(context.Context, []byte) ([]byte, error){
			"tool_invoke": func(context.Context, []byte) ([]byte, error) {
				return []byte(`{"content":[{"kind":"text","text":"4"}]}`), nil
			},
		},
	})
	db, bus := store.OpenMemory(), new(event.Bus)
	h := host.New(host.Deps{Store: db, Egress: egress.New(egress.Config{}), Vault: noVault{}, Bus: bus, Logger: hclog.NewNullLogger()})
	registry, err := plugin.Open(ctx, plugin.Deps{
		Engine: &textEngine{}, Host: h, Store: db, Settings: &settings{}, Bus: bus, Gateway: "1.0.0", Sources: []source.Source{plugins},
	})
	if err != nil {
		panic(err)
	}
	if err := registry.Load(ctx); err != nil {
		panic(err)
	}
	roll, err := registry.Tool("roll")
	if err != nil {
		panic(err)
	}
	out, err := roll.Invoke(ctx, &wit.ToolInvocation{Args: wit.JSON(`{}`)}, nil)
	fmt.Println(*out.Content[0].Text, err)
	_, err = registry.Tool("fly")
	fmt.Println(err)
	// Output:
	// 4 <nil>
	// there is no tool fly
}
