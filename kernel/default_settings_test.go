package kernel_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/wit"
)

// settledManifest is that of a plugin whose schema has a default of each sort; %[1]s is its id, %[2]s its entry, %[3]s what it provides.
const settledManifest = `{"id":"%[1]s","name":"Settled","version":"1.0.0","description":"d","abi":1,"entry":"%[2]s","provides":{%[3]s},
	"permissions":{"credential":{"reason":"to have one","names":["token"]}},
	"config":{"type":"object","additionalProperties":false,"properties":{
		"place":{"type":"string","default":"here"},
		"most":{"type":"integer","default":7},
		"limits":{"type":"object","additionalProperties":false,"properties":{"unit":{"type":"string"},"wait":{"type":"number","default":1.5}}},
		"absent":{"type":"object","properties":{"wait":{"type":"number","default":1.5}}},
		"token":{"type":"string","x-secret":true,"default":"never"}}}}`

// settledTool and settledChannel do in TypeScript what testdata/settled does in Go.
const (
	settledTold = `import { config, text, type ChannelEvent, type ToolInvocation } from "carapace";
const told = (given: unknown, asked: unknown) => JSON.stringify(given) + "\n" + JSON.stringify(asked);
`
	settledTool    = settledTold + `export const toolInvoke = (call: ToolInvocation) => text(told(call.config, config.get()));`
	settledChannel = settledTold + `export const channelSend = () => ({});
export const channelEvent = (event: ChannelEvent) =>
  ({ status: { state: "connected", message: told(event.config, config.get(event.account)) } });`
)

// TestDefaultsReachThePlugin: what the owner has left out and the schema has a default for is in the configuration that comes
// with a call and in the one that a plugin asks for, of the plugin and of an account, and nowhere in what the owner sees.
func TestDefaultsReachThePlugin(t *testing.T) {
	t.Parallel()
	const written, want = `{"most":3,"limits":{"unit":"m"}}`, `{"place":"here","most":3,"limits":{"unit":"m","wait":1.5}}`
	const tool, channel = `"tools":[{"name":"%s","description":"d","parameters":{"type":"object"}}]`, `"channel":{"label":"Settled"}`
	state := t.TempDir()
	module := string(wasm(t, "settled", ""))
	for id, p := range map[string]struct{ entry, code, provides string }{
		"settled-tool":    {"plugin.wasm#settled-tool", module, fmt.Sprintf(tool, "go")},
		"settled-channel": {"plugin.wasm#settled-channel", module, channel},
		"script-tool":     {"plugin.ts", settledTool, fmt.Sprintf(tool, "ts")},
		"script-channel":  {"plugin.ts", settledChannel, channel},
	} {
		file, _, _ := strings.Cut(p.entry, "#")
		write(t, filepath.Join(state, "plugins", id), map[string]string{file: p.code, "plugin.json": fmt.Sprintf(settledManifest, id, p.entry, p.provides)})
	}
	l := kerneltest.Start(t, kerneltest.StateDir(state), kerneltest.Compiled(t), kerneltest.JavaScript(), kerneltest.Plugin(kerneltest.Echo("echo")),
		kerneltest.Config(t, fmt.Sprintf(`{"plugins":{"settled-tool":{"config":%[1]s},"script-tool":{"config":%[1]s}},
			"channels":{"settled-channel":{"accounts":{"main":{"config":%[1]s}}},"script-channel":{"accounts":{"main":{"config":%[1]s}}}}}`, written))).Listen()
	check := func(who, told string) (rest string) {
		t.Helper()
		given, asked, _ := strings.Cut(told, "\n")
		asked, rest, _ = strings.Cut(asked, "\n")
		if !same(given, want) || !same(asked, want) {
			t.Errorf("%s is given %s and gets %s, want %s", who, given, asked, want)
		}
		return rest
	}
	for id, name := range map[string]string{"settled-tool": "go", "script-tool": "ts"} {
		var out wit.ToolOutput
		l.MustCall("plugins.call", plugin.CallParams{ID: id, Tool: name, Args: wit.JSON(`{}`)}, &out)
		if flat := check(id, *out.Content[0].Text); name == "go" && flat != "place is here\nmost is 3" {
			t.Errorf("one by one they are %q", flat)
		}
	}
	for _, id := range []string{"settled-channel", "script-channel"} {
		var told string
		l.Until("a message of "+id, func([]kerneltest.Event) bool {
			var status struct {
				ChannelAccounts map[string][]struct{ Message string }
			}
			l.MustCall("channels.status", map[string]any{}, &status)
			if of := status.ChannelAccounts[id]; len(of) == 1 {
				told = of[0].Message
			}
			return told != ""
		})
		check(id, told)
	}
	var shown json.RawMessage
	l.MustCall("config.get", map[string]any{}, &shown)
	if text := string(shown); !strings.Contains(text, `"unit":"m"`) || strings.Contains(text, "here") || strings.Contains(text, "1.5") {
		t.Errorf("the owner sees %s", text)
	}
}

// same reports whether two texts are the same JSON.
func same(a, b string) bool {
	var x, y any
	if json.Unmarshal([]byte(a), &x) != nil || json.Unmarshal([]byte(b), &y) != nil {
		return false
	}
	return fmt.Sprint(x) == fmt.Sprint(y)
}
