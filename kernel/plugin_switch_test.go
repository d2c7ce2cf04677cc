package kernel_test

import (
	"slices"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/service/system"
	"github.com/carapace-gateway/carapace/wit"
)

// TestPluginsAreTurnedOnAndOff as a page does it: it looks at a plugin, and turns it on as it was looked at.
func TestPluginsAreTurnedOnAndOff(t *testing.T) {
	t.Parallel()
	watcher := kerneltest.Hook("watcher", wit.HookNameBeforeAgentStart, nil)
	reader := repeater("reader", wit.EffectReads)
	reader.Manifest.Permissions = wit.Permissions{SessionRead: &wit.SessionPermission{Reason: "to look things up"}}
	k := kerneltest.Start(t, kerneltest.Plugin(reader, repeater("say", wit.EffectReads), watcher, kerneltest.Echo("echo"), kerneltest.Channel("chat"), kerneltest.TTS("mouth", aloud)))
	l := k.Listen()
	tools := func() (names []string) {
		var now struct {
			Groups []struct{ Tools []struct{ ID string } }
		}
		l.MustCall("tools.effective", object{"sessionKey": "main"}, &now)
		for _, g := range now.Groups {
			for _, tool := range g.Tools {
				names = append(names, tool.ID)
			}
		}
		return names
	}
	inspect := func(id string) (is system.InspectResult) {
		l.MustCall("plugins.inspect", object{"pluginId": id}, &is)
		return is
	}
	for id, c := range map[string]struct {
		of             func(d system.Declared) []string
		want           string
		injects, hears bool
	}{
		"say":     {func(d system.Declared) []string { return d.Tools }, "say", false, false},
		"reader":  {func(d system.Declared) []string { return d.Tools }, "reader", false, true},
		"watcher": {func(d system.Declared) []string { return d.Hooks }, "before_agent_start", true, true},
		"echo":    {func(d system.Declared) []string { return d.Providers }, "echo", false, false},
		"chat":    {func(d system.Declared) []string { return d.Channels }, "chat", false, false},
		"mouth":   {func(d system.Declared) []string { return d.Contracts }, "tts", false, false},
	} {
		is := inspect(id)
		may := is.Grants.Hooks
		if !slices.Equal(c.of(is.Declared), []string{c.want}) || may.AllowPromptInjection.Effective != c.injects || may.AllowConversationAccess.Effective != c.hears || is.Plugin.ID != id {
			t.Errorf("%s: %+v", id, is)
		}
	}
	token := inspect("say").ReviewToken
	if other := inspect("reader").ReviewToken; token == "" || other == token {
		t.Errorf("tokens %q %q", token, other)
	}
	var list system.PluginList
	if l.MustCall("plugins.list", nil, &list); !list.MutationAllowed {
		t.Error("the page may change nothing")
	}
	var is system.EnableResult
	l.MustCall("plugins.setEnabled", object{"pluginId": "say", "enabled": false}, &is)
	if !is.OK || is.Plugin.Enabled || is.Plugin.State != "disabled" || slices.Contains(tools(), "say") {
		t.Errorf("off: %+v %q", is, tools())
	}
	if err := l.Call(t.Context(), "plugins.setEnabled", object{"pluginId": "say", "enabled": true, "acknowledgeCapabilities": object{"reviewToken": "another"}}, nil); wit.CodeOf(err) != wit.CodeConflict {
		t.Errorf("turned on as another one: %v", err)
	}
	if slices.Contains(tools(), "say") {
		t.Error("it runs all the same")
	}
	l.MustCall("plugins.setEnabled", object{"pluginId": "say", "enabled": true, "acknowledgeCapabilities": object{"reviewToken": token}}, &is)
	if !is.Plugin.Enabled || is.Plugin.State != "enabled" || !slices.Contains(tools(), "say") {
		t.Errorf("on: %+v %q", is, tools())
	}
	for method, params := range map[string]object{"plugins.inspect": {"pluginId": "none"}, "plugins.setEnabled": {"pluginId": "none", "enabled": true}} {
		if err := l.Call(t.Context(), method, params, nil); wit.CodeOf(err) != wit.CodeNotFound {
			t.Errorf("%s: %v", method, err)
		}
	}
	if err := l.Call(t.Context(), "plugins.setEnabled", object{"pluginId": "say"}, nil); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("neither on nor off: %v", err)
	}
}
