package kernel_test

import (
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// TestTrace: who may read the log sees how a plugin's calls go, and nothing of what was said in them.
func TestTrace(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	put(t, filepath.Join(state, "plugins", "guest"), map[string][]byte{"plugin.wasm": guest(t, "v1"), "plugin.json": marshal(guestManifest("1.0.0"))})
	k := kerneltest.Start(t, kerneltest.StateDir(state), kerneltest.Compiled(t), hand())
	l := k.Listen()
	reader, err := k.TryDial(client.Options{Token: kerneltest.Token, Scopes: []wire.Scope{wire.ScopeRead}})
	if err != nil {
		t.Fatal(err)
	}
	look := func(params plugin.TraceParams) (r plugin.TraceResult, text string) {
		var raw json.RawMessage
		if err := reader.Call(t.Context(), "plugins.trace", params, &raw); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, &r); err != nil {
			t.Fatal(err)
		}
		return r, string(raw)
	}
	call := func(do string) error {
		return l.Call(t.Context(), "plugins.call", plugin.CallParams{ID: "guest", Tool: "guest", Args: wit.JSON(`{"do":"` + do + `","word":"hunter2-hunter2"}`)}, nil)
	}
	if err := call("release"); err != nil {
		t.Fatal(err)
	}
	if r, _ := look(plugin.TraceParams{ID: "guest"}); len(r.Calls) != 0 || r.Since == 0 {
		t.Errorf("kept before anybody looked: %+v", r)
	}
	if err := call("release"); err != nil {
		t.Fatal(err)
	}
	if err := call("trap"); err == nil {
		t.Error("a trap is an answer")
	}
	r, text := look(plugin.TraceParams{ID: "guest"})
	if len(r.Calls) != 2 || r.Cursor != 2 {
		t.Fatalf("%s", text)
	}
	good, bad := r.Calls[0], r.Calls[1]
	if good.Export != "tool_invoke" || good.Version != "1.0.0" || good.Code != "" || good.Duration < good.Guest+good.Host || good.Guest <= 0 || good.Memory < 1<<16 || good.In < 50 || good.Out < 5 {
		t.Errorf("the good call: %+v", good)
	}
	if len(good.HostCalls) != 1 || good.HostCalls[0].Name != "kv_put" || good.HostCalls[0].Duration <= 0 {
		t.Errorf("what it asked for: %+v", good.HostCalls)
	}
	if bad.Code == "" {
		t.Errorf("the bad call: %+v", bad)
	}
	for _, secret := range []string{"hunter2", "go on", "on purpose"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q is in %s", secret, text)
		}
	}
	if err := reader.Call(t.Context(), "plugins.trace", plugin.TraceParams{ID: "nobody"}, nil); wit.CodeOf(err) != wit.CodeNotFound {
		t.Errorf("a plugin that is not there: %v", err)
	}
	none, err := k.TryDial(client.Options{Token: kerneltest.Token, Scopes: []wire.Scope{wire.ScopePairing}})
	if err != nil {
		t.Fatal(err)
	}
	if err := none.Call(t.Context(), "plugins.trace", plugin.TraceParams{ID: "guest"}, nil); wit.CodeOf(err) != wit.CodeForbidden {
		t.Errorf("without the scope: %v", err)
	}
}

// TestACallOfAToolOfTwoPlugins calls that of the plugin which is named, also where models get the other one.
func TestACallOfAToolOfTwoPlugins(t *testing.T) {
	t.Parallel()
	saying := func(text string) plugintest.Fake {
		return kerneltest.Tool(text, func(context.Context, *wit.ToolInvocation) (*wit.ToolOutput, error) {
			return &wit.ToolOutput{Content: []wit.Part{{Kind: wit.PartKindText, Text: &text}}}, nil
		})
	}
	a, b := saying("first"), saying("second")
	name := a.Manifest.Provides.Tools[0].Name
	b.Manifest.Provides.Tools[0].Name = name
	l := kerneltest.Start(t, kerneltest.Plugin(a), kerneltest.Plugin(b)).Listen()
	for _, id := range []string{"first", "second"} {
		var r plugin.CallResult
		l.MustCall("plugins.call", plugin.CallParams{ID: id, Tool: name}, &r)
		if len(r.Content) != 1 || *r.Content[0].Text != id {
			t.Errorf("the tool of %s answers %+v", id, r)
		}
	}
	var d plugin.Details
	if l.MustCall("plugins.info", plugin.IDParams{ID: "second"}, &d); !slices.Equal(d.Shadowed, []string{name}) {
		t.Errorf("models are to get the first one's: %q", d.Shadowed)
	}
	if err := l.Call(t.Context(), "plugins.call", plugin.CallParams{ID: "second", Tool: "other"}, nil); wit.CodeOf(err) != wit.CodeNotFound {
		t.Errorf("a tool that it has not: %v", err)
	}
}
