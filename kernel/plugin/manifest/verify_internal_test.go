package manifest

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/wit"
)

func TestVerify(t *testing.T) {
	tool := wit.Provides{Tools: []wit.ToolDefinition{{Name: "t"}}}
	channel := wit.Provides{Channel: &wit.ChannelFacts{Operations: []string{"edit"}}}
	kv := wit.Permissions{KV: &wit.Permission{}}
	tests := []struct {
		name    string
		m       wit.Manifest
		exports string
		imports string
		want    []string // all that the error says; none is no error
	}{
		{"tool", wit.Manifest{Entry: "p.wasm", Provides: tool}, "tool_invoke _initialize", "log_write config_get", nil},
		{"missing", wit.Manifest{Entry: "p.wasm", Provides: tool}, "_start", "", []string{"does not export: tool_invoke"}},
		{"missing in a script", wit.Manifest{Entry: "plugin.ts", Provides: channel}, "channel_send", "", []string{"channel_event, channel_edit: plugin.ts has to have `export function channelEvent`, `export function channelEdit`"}},
		{"missing in Python", wit.Manifest{Entry: "plugin.py", Provides: tool}, "", "", []string{"tool_invoke: plugin.py has to have `def tool_invoke`"}},
		{"channel", wit.Manifest{Entry: "p.wasm", Provides: channel}, "channel_event channel_send channel_edit channel_poll", "", nil},
		{"operation", wit.Manifest{Entry: "p.wasm", Provides: channel}, "channel_event channel_send", "", []string{"channel_edit"}},
		{"undeclared", wit.Manifest{Entry: "p.wasm", Provides: tool}, "tool_invoke hook_handle", "", []string{"does not provide: hook_handle"}},
		{"undeclared in a bundle", wit.Manifest{Entry: "p.wasm#a", Provides: tool}, "tool_invoke hook_handle", "http_request", nil},
		{"missing in a bundle", wit.Manifest{Entry: "p.wasm#a", Provides: tool}, "hook_handle", "", []string{"tool_invoke"}},
		{"permitted", wit.Manifest{Entry: "p.wasm", Provides: tool, Permissions: kv}, "tool_invoke", "kv_get", nil},
		{"forbidden", wit.Manifest{Entry: "p.wasm", Provides: tool}, "tool_invoke", "kv_get http_request", []string{`kv_get, http_request: add "kv": {"reason": "…"}, "http": {"reason": "…", "hosts": ["…"]} to the permissions`}},
		{"unknown import", wit.Manifest{Entry: "p.wasm#a", Provides: tool}, "tool_invoke", "fly", []string{"does not have: fly"}},
		{"schedule", wit.Manifest{Entry: "p.wasm", Provides: tool, Permissions: wit.Permissions{Schedule: &wit.Permission{}}}, "tool_invoke", "", []string{"schedule_fire"}},
		{"provider", wit.Manifest{Entry: "p.wasm", Provides: wit.Provides{Provider: &wit.ProviderFacts{}}}, "provider_request", "", []string{"provider_chunk"}},
		{"offline provider", wit.Manifest{Entry: "p.wasm", Provides: wit.Provides{Provider: &wit.ProviderFacts{Offline: true}}}, "provider_request provider_models", "", nil},
		{"service", wit.Manifest{Entry: "p.wasm", Provides: wit.Provides{Service: &wit.ServiceFacts{}}}, "service_start service_stop service_health", "", nil},
		{"ticking service", wit.Manifest{Entry: "p.wasm", Provides: wit.Provides{Service: &wit.ServiceFacts{TickEvery: new(int64(1000))}}}, "service_start service_stop service_health", "", []string{"service_tick"}},
		{"everything", wit.Manifest{Entry: "p.wasm", Provides: tool}, "", "fly kv_get", []string{"tool_invoke", "fly", "kv_get"}},
	}
	for _, tt := range tests {
		err := Verify(&tt.m, map[string][]string{userModule: strings.Fields(tt.imports), "env": {"kv_put"}}, strings.Fields(tt.exports))
		if (err == nil) != (tt.want == nil) {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		for _, want := range tt.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v does not say %q", tt.name, err, want)
			}
		}
	}
}
