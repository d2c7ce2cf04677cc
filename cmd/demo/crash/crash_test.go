package crash_test

import (
	"encoding/json"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/cmd/demo/crash"
)

// build builds the gateway of this source tree, with the built-in plugins of this source tree.
func build(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	bundle, binary := filepath.Join(dir, "bundle.wasm"), filepath.Join(dir, "carapace.exe")
	run := func(env []string, args ...string) {
		t.Helper()
		cmd := exec.Command("go", args...)
		cmd.Dir, cmd.Env = root, append(os.Environ(), env...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	run([]string{"GOOS=wasip1", "GOARCH=wasm"}, "build", "-trimpath", "-buildmode=c-shared", "-ldflags=-s -w", "-o", bundle, "./builtin-plugins/bundle")
	overlay, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(root, "builtin-plugins/dist/bundle.wasm"): bundle}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	run(nil, "build", "-overlay", filepath.Join(dir, "overlay.json"), "-o", binary, "./cmd/carapace")
	return binary
}

// TestKills is the demo in small.
func TestKills(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and kills a gateway for half a minute")
	}
	o := crash.Options{
		Gateway: build(t), Messages: 60, Chats: 12, Kills: 3, Seed: rand.Uint64(),
		Pace: 60 * time.Millisecond, Window: 10 * time.Second, Progress: t.Output(),
	}
	t.Logf("seed %d", o.Seed)
	report, err := crash.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if !report.OK() {
		report.Markdown(t.Output())
		t.Error("the gateway lost or doubled messages, or answered wrongly")
	}
}

func TestWithoutAGateway(t *testing.T) {
	_, err := crash.Run(t.Context(), crash.Options{Gateway: filepath.Join(t.TempDir(), "none"), Messages: 1, Chats: 1, Pace: time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), "make build") {
		t.Errorf("error %v", err)
	}
}
