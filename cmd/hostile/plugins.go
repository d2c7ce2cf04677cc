package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// putter makes what is in a plugin's folder.
type putter func(dir string) error

// toolName is the name of the one tool that a plugin has.
func toolName(id string) string { return strings.ReplaceAll(id, "-", "_") }

// toolPlugin is a tool, by its code, which may be none, and what else its manifest says.
func toolPlugin(wasm []byte, change ...func(*wit.Manifest)) putter {
	return func(dir string) error {
		id := filepath.Base(dir)
		m := manifest(id)
		m.Provides.Tools = []wit.ToolDefinition{{Name: toolName(id), Description: "Does harm.", Parameters: wit.JSON(`{"type":"object"}`), Effects: []wit.Effect{wit.EffectReads}}}
		return writePlugin(dir, m, wasm, change...)
	}
}

func manifest(id string) *wit.Manifest {
	return &wit.Manifest{ID: id, Name: "Hostile", Version: "1.0.0", Description: "Does harm.", ABI: 1, Entry: "plugin.wasm"}
}

// writePlugin writes the files of a plugin; a plugin without code gets none. The manifest comes last, when all is there.
func writePlugin(dir string, m *wit.Manifest, wasm []byte, change ...func(*wit.Manifest)) error {
	for _, c := range change {
		c(m)
	}
	if wasm != nil {
		if err := os.WriteFile(filepath.Join(dir, "plugin.wasm"), wasm, 0o600); err != nil {
			return err
		}
	}
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "plugin.json"), b, 0o600)
}

// deadline bounds a plugin's calls to one that is short enough to see it.
func deadline(m *wit.Manifest) { m.Limits = &wit.Limits{Deadline: 1000} }

// forgedWords has in the description what its code writes into the log.
func forgedWords(m *wit.Manifest) { m.Description = "Does harm. " + forged }

// channelPlugin is a channel with one setting, the place that it connects to.
func channelPlugin(wasm []byte) putter {
	return func(dir string) error {
		m := manifest(filepath.Base(dir))
		m.Provides.Channel = &wit.ChannelFacts{Label: "Hostile"}
		m.Permissions.HTTP = &wit.HTTPPermission{Reason: "To do harm.", Hosts: []string{"config:url"}}
		m.Config = wit.JSON(`{"type":"object","properties":{"url":{"type":"string"}},"required":["url"]}`)
		m.Limits = &wit.Limits{MaxInstances: 1} // of which it remembers the names
		return writePlugin(dir, m, wasm)
	}
}

// hookPlugin is asked when the gateway stops, and may take its time.
func hookPlugin(wasm []byte) putter {
	return func(dir string) error {
		m := manifest(filepath.Base(dir))
		m.Provides.Hooks = []wit.HookFacts{{Name: wit.HookNameGatewayStop, Deadline: wit.HookFactsDeadlineMax}}
		m.Limits = &wit.Limits{Deadline: wit.LimitsDeadlineMax}
		return writePlugin(dir, m, wasm)
	}
}

// codePipe is a plugin whose code is a pipe that nobody writes to.
func codePipe(dir string) error {
	if err := toolPlugin(nil)(dir); err != nil {
		return err
	}
	return makePipe(filepath.Join(dir, "plugin.wasm"))
}

// manifestPipe is one whose manifest is.
func manifestPipe(dir string) error { return makePipe(filepath.Join(dir, "plugin.json")) }

// device is a manifest that never ends.
func device(dir string) error { return os.Symlink("/dev/zero", filepath.Join(dir, "plugin.json")) }

// doubling is a JSON Schema of 3 KB that is twice as much work with each of its levels.
func doubling(m *wit.Manifest) {
	const levels = 40
	var b strings.Builder
	b.WriteString(`{"type":"object","$ref":"#/$defs/a0","$defs":{`)
	for n := range levels {
		fmt.Fprintf(&b, `"a%d":{"allOf":[{"$ref":"#/$defs/a%d"},{"$ref":"#/$defs/a%d"}]},`, n, n+1, n+1)
	}
	fmt.Fprintf(&b, `"a%d":{}}}`, levels)
	m.Provides.Tools[0].Parameters = wit.JSON(b.String())
}
