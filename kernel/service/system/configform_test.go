package system_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/kernel/service/system"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

type params = map[string]any

// described is a provider whose manifest describes its settings, one of which is a secret.
func described() plugintest.Fake {
	f := kerneltest.Echo("echo")
	f.Manifest.Config = wit.JSON(`{"type":"object","required":["key"],"properties":{"key":{"type":"string","x-secret":true},"tone":{"type":"string","title":"Tone of voice"}}}`)
	return f
}

// TestTheSettingsAsAForm: the schema has every setting, with the plugins' own, and no field for a secret of a plugin's.
func TestTheSettingsAsAForm(t *testing.T) {
	l := kerneltest.Start(t, kerneltest.Plugin(described(), kerneltest.Channel("chat"))).Listen()
	var form system.ConfigSchema
	l.MustCall("config.schema", nil, &form)
	var schema struct {
		Properties struct {
			Log struct {
				Properties struct{ Level struct{ Enum []string } }
			}
			Plugins struct {
				Properties map[string]struct {
					Properties struct {
						Config struct {
							Properties map[string]any
							Required   []string
						}
					}
				}
			}
			Channels struct{ Properties map[string]any }
		}
	}
	if err := json.Unmarshal(form.Schema, &schema); err != nil {
		t.Fatal(err)
	}
	p := schema.Properties
	if len(p.Log.Properties.Level.Enum) != 5 || p.Channels.Properties["chat"] == nil || p.Channels.Properties["echo"] != nil {
		t.Errorf("%s", form.Schema)
	}
	if own := p.Plugins.Properties["echo"].Properties.Config; own.Properties["tone"] == nil || own.Properties["key"] != nil || len(own.Required) != 0 {
		t.Errorf("the plugin's own: %+v", own)
	}
	if h := form.UIHints["gateway.allowedOrigins"]; h.Label != "Allowed origins" || !strings.Contains(h.Help, "web origins") || h.Sensitive {
		t.Errorf("%+v", h)
	}
	if h := form.UIHints["plugins.echo.config.tone"]; h.Label != "Tone of voice" {
		t.Errorf("%+v", h)
	}
	if !form.UIHints["gateway.token"].Sensitive || form.Version == "" || form.GeneratedAt == "" {
		t.Errorf("%+v", form.UIHints["gateway.token"])
	}
}

// TestTheFormTellsNoValue: who may only read sees what can be set, and nothing of what is.
func TestTheFormTellsNoValue(t *testing.T) {
	k := kerneltest.Start(t, kerneltest.Plugin(described()), kerneltest.Config(t, `{"gateway":{"token":"private-1"},
		"agent":{"systemPrompt":"private-2"},"plugins":{"echo":{"config":{"tone":"private-3"}}}}`))
	k.Listen().MustCall("credentials.set", params{"id": "echo", "name": "key", "value": "private-4"}, nil)
	var form, place json.RawMessage
	reader := k.Listen(wire.ScopeRead)
	reader.MustCall("config.schema", nil, &form)
	reader.MustCall("config.schema.lookup", params{"path": "plugins.echo.config"}, &place)
	if text := string(form) + string(place); !strings.Contains(text, "Tone of voice") || strings.Contains(text, "private-") {
		t.Error(text)
	}
}

// TestOneSetting is found by its path, with what stands below it, or said not to be.
func TestOneSetting(t *testing.T) {
	l := kerneltest.Start(t, kerneltest.Plugin(described())).Listen()
	var place system.ConfigPlace
	for path, want := range map[string]struct {
		kind, hint string
		children   []string
	}{
		".":                              {"", "", []string{"gateway", "owners", "agent"}},
		"gateway":                        {"", "gateway", []string{"port", "bind"}},
		"gateway.port":                   {"restart", "gateway.port", nil},
		"owners":                         {"hot", "owners", []string{"*"}},
		"channels.x.accounts.y":          {"hot", "", []string{"enabled", "dmPolicy"}},
		"channels.x.accounts.y.dmPolicy": {"hot", "channels.*.accounts.*.dmPolicy", nil},
		"plugins.echo.config":            {"hot", "plugins.echo.config", []string{"tone"}},
	} {
		place = system.ConfigPlace{}
		l.MustCall("config.schema.lookup", params{"path": path}, &place)
		if place.ReloadKind != want.kind || place.HintPath != want.hint || len(place.Schema) == 0 || (place.Hint == nil) != (want.hint == "") {
			t.Errorf("%s: %+v", path, place)
		}
		for i, key := range want.children {
			if len(place.Children) <= i || place.Children[i].Key != key {
				t.Errorf("%s: child %s is not in %+v", path, key, place.Children)
			}
		}
	}
	for _, path := range []string{"gatway", "gateway.port.x", "plugins.echo.config.key"} {
		if err := l.Call(t.Context(), "config.schema.lookup", params{"path": path}, nil); wit.CodeOf(err) != wit.CodeNotFound {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// TestAFormSaves what a page has made of the settings as they were shown, and keeps what was not.
func TestAFormSaves(t *testing.T) {
	l := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Echo("echo")), kerneltest.Config(t, `{"gateway":{"token":"a-token-that-is-long-enough"},"log":{"level":"info"}}`)).Listen()
	var now system.ConfigResult
	l.MustCall("config.get", nil, &now)
	var set params
	if err := json.Unmarshal([]byte(now.Raw), &set); err != nil || strings.Contains(now.Raw, "long-enough") {
		t.Fatal(now.Raw, err)
	}
	set["log"] = params{"level": "debug"}
	raw, err := json.MarshalIndent(set, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	said := params{"raw": string(raw), "baseHash": now.Hash, "sessionKey": "agent:main:main", "note": "n", "deliveryContext": params{"channel": "chat", "threadId": 7}}
	var done system.ConfigChangeResult
	l.MustCall("config.apply", said, &done)
	if !done.OK || done.Config.Log.Level != "debug" || done.Hash == now.Hash || len(done.Restart) != 0 {
		t.Errorf("%+v", done)
	}
	if err := l.Call(t.Context(), "config.apply", said, nil); wit.CodeOf(err) != wit.CodeConflict {
		t.Errorf("an old hash: %v", err)
	}
	l.MustCall("config.patch", params{"raw": `{"log":{"level":"warn"}}`, "baseHash": done.Hash, "replacePaths": []string{"owners"}}, &done)
	if done.Config.Log.Level != "warn" {
		t.Errorf("%+v", done)
	}
}

// TestValidate looks at settings and changes nothing.
func TestValidate(t *testing.T) {
	l := kerneltest.Start(t, kerneltest.Plugin(described())).Listen()
	for _, tt := range []struct {
		said          params
		valid         bool
		issue, warned string
	}{
		{params{"raw": `{"log":{"level":"debug"}}`}, true, "", ""},
		{params{"config": params{"log": params{"level": "debug"}}}, true, "", ""},
		{params{"raw": `{"log":{"level":"loud"}}`}, false, "log.level", ""},
		{params{"raw": `{`}, false, "not valid JSON", ""},
		{params{"raw": `{"plugins":{"echo":{"config":{"tone":7}}}}`}, true, "", "tone"},
	} {
		var r system.ConfigValidateResult
		l.MustCall("config.validate", tt.said, &r)
		said := func(list []system.ConfigIssue) string {
			if len(list) == 0 {
				return ""
			}
			return list[0].Message
		}
		if r.Valid != tt.valid || !strings.Contains(said(r.Issues), tt.issue) || !strings.Contains(said(r.Warnings), tt.warned) || (len(r.Issues) > 0) == tt.valid {
			t.Errorf("%v: %+v", tt.said, r)
		}
	}
	var now system.ConfigResult
	l.MustCall("config.get", nil, &now)
	if now.Config.Log.Level != "" {
		t.Errorf("%+v", now.Config.Log)
	}
	for _, said := range []params{{}, {"raw": "{}", "config": params{}}} {
		if err := l.Call(t.Context(), "config.validate", said, nil); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("%v: %v", said, err)
		}
	}
}

// TestReload puts in force what somebody wrote into the file, without waiting, and says what cannot be used.
func TestReload(t *testing.T) {
	k := kerneltest.Start(t, kerneltest.StateDir(t.TempDir()), kerneltest.Plugin(kerneltest.Echo("echo")), kerneltest.Config(t, `{"log":{"level":"info"}}`))
	l := k.Listen()
	var now system.ConfigResult
	l.MustCall("config.get", nil, &now)
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Clean(now.Path), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var done system.ConfigReloadResult
	l.MustCall("config.reload", nil, &done)
	if done.Mode != "off" || !done.OK {
		t.Errorf("%+v", done)
	}
	write(`{"log":{"level":"debug","format":"json"}}`)
	l.MustCall("config.reload", nil, &done)
	l.MustCall("config.get", nil, &now)
	if now.Config.Log.Level != "debug" {
		t.Errorf("%+v %+v", done, now.Config.Log)
	}
	write(`{"log":`)
	if err := l.Call(t.Context(), "config.reload", nil, nil); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("%v", err)
	}
	l.MustCall("config.get", nil, &now)
	if now.Valid || now.Config.Log.Level != "debug" || len(now.Issues) != 1 || now.Issues[0].Message == "" {
		t.Errorf("%+v", now)
	}
}
