package kernel_test

import (
	"fmt"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/service/offer"
	"github.com/carapace-gateway/carapace/wit"
)

// served is the address of an MCP server: another gateway, which has the tool far.
func served(t *testing.T) string {
	t.Helper()
	k := kerneltest.Start(t, kerneltest.Plugin(repeater("far", wit.EffectSpends)))
	s := httptest.NewServer(&httputil.ReverseProxy{Transport: k.HTTP().Transport, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: "gateway"})
		r.Out.Header.Set("Authorization", "Bearer "+kerneltest.Token)
	}})
	t.Cleanup(s.Close)
	return s.URL + "/mcp"
}

// TestOfferedTools: the catalog has all tools by who brings them; what is effective is what the agent may use.
func TestOfferedTools(t *testing.T) {
	t.Parallel()
	verbose := repeater("say", wit.EffectReads)
	verbose.Manifest.Name = "Sayings"
	verbose.Manifest.Provides.Tools[0].Description = "Says something.\n\n" + strings.Repeat("And more. ", 100)
	k := kerneltest.Start(t, kerneltest.Plugin(verbose, repeater("run", wit.EffectExecutes), repeater("note", wit.EffectReads, wit.EffectWrites)),
		kerneltest.Config(t, fmt.Sprintf(`{
			"agents": {"list": [{"id": "main"}, {"id": "ops", "tools": {"allow": ["say", "n*", "lab__*"], "deny": ["note"]}}, {"id": "guest", "tools": {"allow": []}}]},
			"mcp": {"servers": {"lab": {"url": %q}, "gone": {"url": "http://127.0.0.1:1/mcp"}}}}`, served(t))))
	l := k.Listen()
	var lab struct{ State, Problem string }
	if l.MustCall("mcp.test", object{"name": "lab"}, &lab); lab.State != "ready" {
		t.Fatalf("the server: %+v", lab)
	}
	var all offer.CatalogResult
	l.MustCall("tools.catalog", object{"includePlugins": true}, &all)
	var got []string
	for _, g := range all.Groups {
		for _, tool := range g.Tools {
			got = append(got, fmt.Sprint(g.ID, " ", g.Label, " ", tool.PluginID, " ", tool.ID, " ", tool.Risk, " ", tool.Tags))
		}
	}
	want := []string{"plugin:say Sayings say say low [reads]", "mcp:lab lab  lab__far high [writes sends executes]",
		"plugin:note note note note medium [reads writes]", "plugin:run run run run high [executes]"}
	slices.Sort(got)
	slices.Sort(want)
	if all.AgentID != "main" || !slices.Equal(got, want) {
		t.Errorf("the catalog: %s %q", all.AgentID, got)
	}
	for _, g := range all.Groups {
		if tool := g.Tools[0]; tool.ID == "say" && (tool.Description != "Says something." || len(tool.FullDescription) < 1000) {
			t.Errorf("%+v", tool)
		}
	}
	l.MustCall("tools.catalog", object{"includePlugins": false, "agentId": "ops"}, &all)
	if all.AgentID != "ops" || len(all.Groups) != 0 {
		t.Errorf("without plugins: %+v", all)
	}
	for agent, may := range map[string]string{"main": "note run say lab__far", "ops": "say lab__far", "guest": ""} {
		var now offer.EffectiveResult
		l.MustCall("tools.effective", object{"sessionKey": "agent:" + agent + ":main"}, &now)
		var names []string
		for _, g := range now.Groups {
			for _, tool := range g.Tools {
				names = append(names, tool.ID)
				if tool.ID == "lab__far" && (tool.MCPServer != "lab" || tool.MCPToolName != "far" || tool.Source != "mcp" || g.ID != "mcp") {
					t.Errorf("%+v", tool)
				}
			}
		}
		if now.AgentID != agent || strings.Join(names, " ") != may {
			t.Errorf("%s may use %q", agent, names)
		}
		if len(now.Notices) != 1 || !slices.Equal(now.Notices[0].Servers, []string{"gone"}) {
			t.Errorf("%s is told %+v", agent, now.Notices)
		}
	}
	for _, params := range []object{{"sessionKey": "agent:nobody:main"}, {"sessionKey": "main", "agentId": "nobody"}, {"sessionKey": "agent:ops:main", "agentId": "main"}} {
		if err := l.Call(t.Context(), "tools.effective", params, nil); wit.CodeOf(err) != wit.CodeInvalid && wit.CodeOf(err) != wit.CodeNotFound {
			t.Errorf("%v: %v", params, err)
		}
	}
}
