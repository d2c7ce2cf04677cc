package main

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel"
	"github.com/carapace-gateway/carapace/kernel/auth"
	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/service/node"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// desk is the node of the page: it finds git.
type desk struct {
	t     *testing.T
	state string
	at    client.Options
}

// come connects the node and has it answer what it is asked for. Errors: client.Dial's.
func (d *desk) come() error {
	c, err := client.Dial(d.t.Context(), d.at)
	if err != nil {
		return err
	}
	d.t.Cleanup(func() { _ = c.Close() })
	go func() {
		for e := range c.Events() {
			var r node.InvokeRequest
			if e.Name != "node.invoke.request" || json.Unmarshal(e.Payload, &r) != nil {
				continue
			}
			_ = c.Call(context.Background(), "node.invoke.result", map[string]any{
				"id": r.ID, "nodeId": r.NodeID, "ok": true, "payloadJSON": `{"bins":{"git":"/usr/bin/git"}}`,
			}, nil)
		}
	}()
	return nil
}

// ask reads a method's answer through the command line.
func (d *desk) ask(method string, into any) {
	d.t.Helper()
	if err := json.Unmarshal([]byte(must(d.t, d.state, "call", method)), into); err != nil {
		d.t.Fatal(err)
	}
}

// TestNodesPage executes every command of the page about nodes, in order, against one gateway and a node from elsewhere.
func TestNodesPage(t *testing.T) {
	state, page := stateDir(t), blocks(t, "docs/nodes.md")
	g := serve(t, state)
	token, err := os.ReadFile(filepath.Join(state, kernel.TokenFile))
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{t, state, client.Options{
		URL: g.WebSocket(), Token: strings.TrimSpace(string(token)), Identity: filepath.Join(t.TempDir(), "node.key"), Role: wire.RoleNode,
		Client:   wire.Client{ID: "node-host", Mode: "node", DisplayName: "desk", Platform: "linux", Version: "1.0.0"},
		Commands: []string{"system.which", "system.notify"}, Caps: []string{"system"}, Header: http.Header{"X-Forwarded-For": {"203.0.113.7"}},
	}}
	var shown []string
	for _, b := range page {
		switch b.language {
		case "console":
			// Nobody believes what this node says of its address.
			shown = append(shown, strings.ReplaceAll(b.text, "203.0.113.7", "127.0.0.1"))
		case "json":
			if c, err := config.Parse([]byte(b.text)); err != nil || len(c.Gateway.Nodes.AllowCommands) == 0 || len(c.Gateway.Nodes.DenyCommands) == 0 {
				t.Errorf("%v: %s", err, b.text)
			}
		case "sh": // what the foreign nodes' own tests run
		default:
			t.Errorf("nothing checks this block:\n%s", b.text)
		}
	}
	if len(shown) != 3 {
		t.Fatalf("the page shows commands in %d places", len(shown))
	}
	bin := path(t)
	if err := d.come(); err == nil {
		t.Fatal("a node from elsewhere is let in unasked")
	}
	var devices auth.PairList
	d.ask("device.pair.list", &devices)
	play(t, state, bin, strings.ReplaceAll(shown[0], "4b7e0a52-9c1d-4f0e-8a63-2d5f1e9b7c10", devices.Pending[0].RequestID), strings.NewReplacer())
	if err := d.come(); err != nil {
		t.Fatal(err)
	}
	var nodes node.PairList
	d.ask("node.pair.list", &nodes)
	play(t, state, bin, strings.ReplaceAll(shown[1], "9e1c77d4-53ab-4e0b-b0a2-6f8d2c4e1a35", nodes.Pending[0].RequestID), strings.NewReplacer())
	for _, wrong := range []struct {
		args []string
		says string
	}{
		{[]string{"invoke", "attic", "system.which"}, "there is no node attic: `carapace nodes list` shows which there are"},
		{[]string{"invoke", "desk", "system.run"}, "node command not allowed: command not declared by node: `carapace nodes describe` lists what it offers"},
		{[]string{"invoke", "desk", "system.which", "--params", "{"}, "--params is not JSON"},
		{[]string{"approve", "nothing"}, "there is no request nothing: `carapace nodes pending` shows which there are"},
		{[]string{"rename", "desk", " "}, "NAME is empty"},
	} {
		if r := carapace(t, state, append([]string{"nodes"}, wrong.args...)...); r.code == 0 || !strings.Contains(r.err, wrong.says) {
			t.Errorf("nodes %q: %d %s", wrong.args, r.code, r.err)
		}
	}
	play(t, state, bin, shown[2], strings.NewReplacer())
}
