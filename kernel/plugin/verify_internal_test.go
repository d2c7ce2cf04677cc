package plugin

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/plugin/engine"
	"github.com/carapace-gateway/carapace/kernel/store"
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
		{"channel", wit.Manifest{Entry: "p.wasm", Provides: channel}, "channel_event channel_send channel_edit channel_poll", "", nil},
		{"operation", wit.Manifest{Entry: "p.wasm", Provides: channel}, "channel_event channel_send", "", []string{"channel_edit"}},
		{"undeclared", wit.Manifest{Entry: "p.wasm", Provides: tool}, "tool_invoke hook_handle", "", []string{"does not provide: hook_handle"}},
		{"undeclared in a bundle", wit.Manifest{Entry: "p.wasm#a", Provides: tool}, "tool_invoke hook_handle", "http_request", nil},
		{"missing in a bundle", wit.Manifest{Entry: "p.wasm#a", Provides: tool}, "hook_handle", "", []string{"tool_invoke"}},
		{"permitted", wit.Manifest{Entry: "p.wasm", Provides: tool, Permissions: kv}, "tool_invoke", "kv_get", nil},
		{"forbidden", wit.Manifest{Entry: "p.wasm", Provides: tool}, "tool_invoke", "kv_get http_request", []string{"kv_get (permissions.kv)", "http_request (permissions.http)"}},
		{"unknown import", wit.Manifest{Entry: "p.wasm#a", Provides: tool}, "tool_invoke", "fly", []string{"does not have: fly"}},
		{"schedule", wit.Manifest{Entry: "p.wasm", Provides: tool, Permissions: wit.Permissions{Schedule: &wit.Permission{}}}, "tool_invoke", "", []string{"schedule_fire"}},
		{"provider", wit.Manifest{Entry: "p.wasm", Provides: wit.Provides{Provider: &wit.ProviderFacts{}}}, "provider_request", "", []string{"provider_chunk"}},
		{"offline provider", wit.Manifest{Entry: "p.wasm", Provides: wit.Provides{Provider: &wit.ProviderFacts{Offline: true}}}, "provider_request provider_models", "", nil},
		{"everything", wit.Manifest{Entry: "p.wasm", Provides: tool}, "", "fly kv_get", []string{"tool_invoke", "fly", "kv_get"}},
	}
	for _, tt := range tests {
		err := verify(&tt.m, engine.Info{Exports: strings.Fields(tt.exports), Imports: map[string][]string{userModule: strings.Fields(tt.imports), "env": {"kv_put"}}})
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

func TestBeyond(t *testing.T) {
	perms := func(text string) *wit.Permissions {
		p := &wit.Permissions{}
		if err := wit.UnmarshalStrict([]byte(text), p); err != nil {
			t.Fatal(err)
		}
		return p
	}
	tests := []struct{ have, want, lacking string }{
		{`{}`, `{}`, ``},
		{`{}`, `{"kv":{"reason":"r"},"emit":{"reason":"r"}}`, `kv, emit`},
		{`{"kv":{"reason":"r"},"emit":{"reason":"r"}}`, `{"kv":{"reason":"another"}}`, ``},
		{`{}`, `{"http":{"hosts":["a.b"]}}`, `http host a.b, http method GET, http method POST, http on every path`},
		{`{"http":{"hosts":["a.b"]}}`, `{"http":{"hosts":["a.b"],"paths":["/x"],"methods":["GET"]}}`, ``},
		{`{"http":{"hosts":["a.b"],"paths":["/x"]}}`, `{"http":{"hosts":["a.b"],"paths":["/x/y","/z"]}}`, `http path /z`},
		{`{"http":{"hosts":["a.b"],"paths":["/x"]}}`, `{"http":{"hosts":["a.b"]}}`, `http on every path`},
		{`{"http":{"hosts":["*.b"]}}`, `{"http":{"hosts":["a.b","b","x.ab"]}}`, `http host b, http host x.ab`},
		{`{"http":{"hosts":["a.b"]}}`, `{"http":{"hosts":["a.b:8443","config:a"]}}`, `http host a.b:8443, http host config:a`},
		{`{"http":{"hosts":["a.b"]}}`, `{"http":{"hosts":["a.b"],"methods":["GET","DELETE"]}}`, `http method DELETE`},
		{`{"credential":{"names":["a"]}}`, `{"credential":{"names":["a","b"]}}`, `credential b`},
	}
	for _, tt := range tests {
		if got := strings.Join(beyond(perms(tt.have), perms(tt.want)), ", "); got != tt.lacking {
			t.Errorf("%s beyond %s: %q, want %q", tt.want, tt.have, got, tt.lacking)
		}
	}
}

func TestGrantsOutliveTheProcess(t *testing.T) {
	ctx, db := context.Background(), store.OpenMemory()
	m := &wit.Manifest{ID: "p", Version: "1.0.0", Permissions: wit.Permissions{KV: &wit.Permission{Reason: "r"}}}
	more := &wit.Manifest{ID: "p", Version: "2.0.0", Permissions: wit.Permissions{KV: &wit.Permission{Reason: "r"}, Emit: &wit.Permission{Reason: "r"}}}
	open := func() *grants {
		g, err := openGrants(ctx, db)
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	if granted, lacking, err := open().admit(ctx, m, false); !granted || lacking != nil || err != nil {
		t.Fatal(granted, lacking, err)
	}
	if granted, lacking, err := open().admit(ctx, more, false); granted || len(lacking) != 1 || err != nil {
		t.Fatal(granted, lacking, err)
	}
	if _, lacking, _ := open().admit(ctx, more, true); len(lacking) != 1 {
		t.Error("a stock plugin takes over what the owner's was granted")
	}
	if err := open().record(ctx, more, byOwner); err != nil {
		t.Fatal(err)
	}
	if g, _ := open().of("p"); g.By != byOwner || g.Version != "2.0.0" || g.Permissions.Emit == nil {
		t.Errorf("%+v", g)
	}
	stock := &wit.Manifest{ID: "s", Version: "1.0.0"}
	_, _, _ = open().admit(ctx, stock, true)
	stock.Permissions.KV = m.Permissions.KV
	if granted, lacking, _ := open().admit(ctx, stock, true); !granted || lacking != nil {
		t.Error("a new gateway's stock plugin is not granted what it asks for")
	}
}

// FuzzAnswer feeds a plugin's reply to the decoder: whatever is accepted is within the bounds.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{`{}`, `null`, ``, `{"messages":[{"id":"1","kind":"text","conversation":{"kind":"direct","id":"2"},"text":"hi"}],"state":{"offset":1}}`,
		`{"messages":[{"id":""}]}`, `{"requests":[{"url":"https://x/","timeout":-1}],"timers":[{"id":"t","after":5}],"status":{"state":"connected"}}`,
		`{"reply":{"status":99}}`, `{"open":[{"connection":"c","transport":"websocket","url":"wss://x"}],"surprise":[[[1]]]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		a := &wit.ChannelAnswer{}
		_, err := decode(data, a)
		if err == nil {
			err = checkChannelAnswer(a)
		}
		if err != nil {
			if c := wit.CodeOf(err); c != wit.CodeUnavailable && c != wit.CodeTooLarge {
				t.Fatalf("code %s: %v", c, err)
			}
			return
		}
		if len(a.Messages) > maxMessages || len(a.State) > maxState || len(a.Requests) > maxRequests || len(a.Frames) > maxFrames {
			t.Fatalf("accepted beyond the bounds: %.200s", data)
		}
		if len(a.State) > 0 && !json.Valid(a.State) {
			t.Fatalf("state is not JSON: %q", a.State)
		}
		for _, m := range a.Messages {
			if m.ID == "" || m.Conversation.ID == "" {
				t.Fatalf("a message without ids: %.200s", data)
			}
		}
	})
}
