package plugin_test

import (
	"context"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// TestAnUpdateGainsNothingWithoutAWord: neither what a plugin is, nor what it uses, nor what it asks for; and what
// waits is shown with its own reasons.
func TestAnUpdateGainsNothingWithoutAWord(t *testing.T) {
	for lacking, change := range map[string]func(*wit.Manifest){
		"hook message_sending": func(m *wit.Manifest) {
			m.Provides.Hooks = []wit.HookFacts{{Name: wit.HookNameMessageSending}}
		},
		"tool p_more": func(m *wit.Manifest) {
			m.Provides.Tools = append(m.Provides.Tools, wit.ToolDefinition{Name: "p_more", Description: "x", Parameters: wit.JSON(`{"type":"object"}`)})
		},
		"webhook push none": func(m *wit.Manifest) {
			m.Provides.Webhooks = []wit.WebhookRoute{{Path: "push", Accepts: wit.WebhookFacts{Auth: wit.WebhookAuthNone}}}
		},
		"stt":                                   func(m *wit.Manifest) { m.Provides.STT = &wit.STTFacts{Label: "Ears"} },
		"tool p_tool executes":                  func(m *wit.Manifest) { m.Provides.Tools[0].Effects = []wit.Effect{wit.EffectExecutes} },
		"limits.memory 128 MB instead of 64 MB": func(m *wit.Manifest) { m.Limits = &wit.Limits{Memory: 128 << 20} },
		"limits.deadline 1m0s instead of 10s":   func(m *wit.Manifest) { m.Limits = &wit.Limits{Deadline: 60_000} },
		"limits.maxInstances 16 instead of 4":   func(m *wit.Manifest) { m.Limits = &wit.Limits{MaxInstances: 16} },
		"emit":                                  func(m *wit.Manifest) { m.Permissions.Emit = &wit.Permission{Reason: "to tell the new story"} },
		"messageSend":                           func(m *wit.Manifest) { m.Permissions.MessageSend = &wit.MessagePermission{Reason: "to write"} },
		"messageSend chat": func(m *wit.Manifest) {
			m.Permissions.MessageSend = &wit.MessagePermission{Reason: "to write", Channels: []string{"chat"}}
		},
		"agentRun": func(m *wit.Manifest) { m.Permissions.AgentRun = &wit.AgentPermission{Reason: "to ask"} },
		"sessionRead work": func(m *wit.Manifest) {
			m.Permissions.SessionRead = &wit.SessionPermission{Reason: "to read", Agents: []string{"work"}}
		},
		"toolInvoke": func(m *wit.Manifest) { m.Permissions.ToolInvoke = &wit.ToolPermission{Reason: "to call"} },
	} {
		t.Run(lacking, func(t *testing.T) {
			source := &plugintest.Memory{}
			source.Put(tool("p", "1.0.0", "one"))
			r := newRig(t, store.OpenMemory(), source).start()
			bold := tool("p", "2.0.0", "two")
			change(&bold.Manifest)
			for _, export := range bold.Manifest.RequiredExports() {
				bold.Exports[export] = bold.Exports["tool_invoke"]
			}
			source.Put(bold)
			if c := r.wait("p 2.0.0 failed"); !strings.HasPrefix(c.Reason, "needs grant: "+lacking) {
				t.Fatalf("%+v", c)
			}
			r.says("p_tool", "one")
			d, err := r.Info("p")
			if err != nil || d.Waiting == nil || d.Waiting.Version != "2.0.0" || len(d.Waiting.Lacking) == 0 {
				t.Fatalf("%+v %v", d, err)
			}
			if lacking == "emit" && (len(d.Waiting.Permissions) != 1 || d.Waiting.Permissions[0].Reason != "to tell the new story" || d.Waiting.Permissions[0].Granted) {
				t.Errorf("%+v", d.Waiting)
			}
			wantCode(t, r.Grant(context.Background(), "p", "another"), wit.CodeConflict)
			r.says("p_tool", "one")
			if err := r.Grant(context.Background(), "p", d.Waiting.Digest); err != nil {
				t.Fatal(err)
			}
			r.wait("p 2.0.0 ready")
			r.says("p_tool", "two")
		})
	}
}

// TestAGrantIsForWhatWasShown: what came into its place meanwhile gets nothing.
func TestAGrantIsForWhatWasShown(t *testing.T) {
	source := &plugintest.Memory{}
	source.Put(tool("p", "1.0.0", "one"))
	r := newRig(t, store.OpenMemory(), source).start()
	source.Put(tool("p", "2.0.0", "two", asking(wit.Permissions{Emit: &wit.Permission{Reason: "to tell"}})))
	r.wait("p 2.0.0 failed")
	shown, err := r.Info("p")
	if err != nil {
		t.Fatal(err)
	}
	source.Put(tool("p", "2.0.0", "evil", asking(wit.Permissions{Emit: &wit.Permission{Reason: "to tell"}, KV: &wit.Permission{Reason: "to keep"}})))
	wantCode(t, r.Grant(context.Background(), "p", shown.Waiting.Digest), wit.CodeConflict)
	r.says("p_tool", "one")
	if d, _ := r.Info("p"); len(d.Permissions) > 0 && d.Permissions[0].Granted {
		t.Errorf("%+v", d)
	}
}

// TestSwitchedOffIsOff when the change has settled, and on again likewise.
func TestSwitchedOffIsOff(t *testing.T) {
	source := &plugintest.Memory{}
	source.Put(tool("p", "1.0.0", "one"))
	r := newRig(t, store.OpenMemory(), source).start()
	for range 20 {
		for _, off := range []bool{true, false} {
			r.settings.set(func(s *settings) { s.off["p"] = off })
			r.SettingsChanged("p")
			r.Settle()
			if _, err := r.invoke("p_tool"); (err != nil) != off {
				t.Fatalf("off is %v: %v", off, err)
			}
		}
	}
}
