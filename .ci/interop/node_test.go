package interop

import (
	"context"
	"encoding/json"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestClawdbotNode runs the foreign node host: it pairs, is asked by its own command line for what it offers, is renamed,
// and is there again after the gateway was killed and restarted.
func TestClawdbotNode(t *testing.T) {
	p := start(t)
	p.hostHere(t)
	auth := []string{"--url", p.url, "--token", token}
	nodes := func(args ...string) map[string]any {
		return p.json(t, append(append([]string{"nodes"}, args...), auth...)...)
	}
	row := p.awaitNode(t, "n1")
	if row["paired"] != true || !strings.Contains(compact(row["commands"]), "system.which") {
		t.Fatalf("the node is %s", compact(row))
	}
	which := func(name string) {
		t.Helper()
		got := nodes("invoke", "--node", name, "--command", "system.which", "--params", `{"bins":["sh"]}`)
		want(t, got, "ok", true)
		if !strings.Contains(compact(got["payload"]), "/sh") {
			t.Fatalf("the node finds no shell: %s", compact(got))
		}
	}
	which("n1")
	p.run(t, append([]string{"nodes", "rename", "--node", "n1", "--name", "desk"}, auth...)...)
	if got := nodes("describe", "--node", "desk", "--json"); got["connected"] != true || got["displayName"] != "desk" {
		t.Fatalf("the node is %s", compact(got))
	}
	if list := nodes("list", "--json"); !strings.Contains(compact(list["paired"]), "desk") {
		t.Fatalf("nodes list lacks the node: %s", compact(list))
	}
	set := nodes("invoke", "--node", "desk", "--command", "system.execApprovals.get")
	payload, _ := set["payload"].(map[string]any)
	rules, err := json.Marshal(map[string]any{"baseHash": payload["hash"], "file": map[string]any{"version": 1, "defaults": map[string]any{"security": "full", "ask": "off"}}})
	if err != nil {
		t.Fatal(err)
	}
	want(t, nodes("invoke", "--node", "desk", "--command", "system.execApprovals.set", "--params", string(rules)), "ok", true)
	ran := nodes("invoke", "--node", "desk", "--command", "system.run", "--params", `{"command":["echo","from the node"]}`)
	if !strings.Contains(compact(ran["payload"]), "from the node") {
		t.Fatalf("the program did not run: %s", compact(ran))
	}

	p.restart(t)
	p.hostHere(t) // it ends with its connection, and its service starts it again
	p.awaitNode(t, "desk")
	which("desk")
}

// hostHere starts the foreign node host with the gateway's address.
func (p *peer) hostHere(t *testing.T) {
	t.Helper()
	p.host(t, "node", "run", "--host", "127.0.0.1", "--port", p.port, "--display-name", "n1")
}

// host runs the foreign node host until the test ends.
func (p *peer) host(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.Command(p.node, append([]string{p.cli}, args...)...)
	cmd.Env = p.env
	cmd.Dir = p.home
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // it may have started itself anew
		_ = cmd.Wait()
	})
}

// awaitNode returns a node as the gateway lists it, once it is connected.
func (p *peer) awaitNode(t *testing.T, name string) map[string]any {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		list := p.json(t, "nodes", "status", "--json", "--url", p.url, "--token", token)
		nodes, _ := list["nodes"].([]any)
		for _, n := range nodes {
			if row, _ := n.(map[string]any); row["displayName"] == name && row["connected"] == true {
				return row
			}
		}
		select {
		case <-ctx.Done():
			t.Fatalf("no node %s is connected: %s", name, compact(list))
		case <-time.After(time.Second):
		}
	}
}

// restart kills the gateway and starts it again, where it was.
func (p *peer) restart(t *testing.T) {
	t.Helper()
	p.gateway.Kill()
	p.gateway.Start()
}
