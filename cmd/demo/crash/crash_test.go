package crash_test

import (
	"encoding/json"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/cmd/demo/crash"
	"github.com/carapace-gateway/carapace/cmd/platforms"
)

// build builds the gateway of this source tree, with the built-in plugins of this source tree, compiled: each gateway would have to do
// that, for each channel.
func build(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	binary, dist := filepath.Join(dir, "carapace.exe"), filepath.Join(root, "builtin-plugins", "dist")
	run := func(env []string, args ...string) {
		t.Helper()
		cmd := exec.Command("go", args...)
		cmd.Dir, cmd.Env = root, append(os.Environ(), env...)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	var bundles []string
	for _, name := range []string{"more", "popular"} {
		bundle := filepath.Join(dir, name+".wasm")
		run([]string{"GOOS=wasip1", "GOARCH=wasm"}, "build", "-trimpath", "-buildmode=c-shared", "-ldflags=-s -w", "-o", bundle, "./builtin-plugins/bundle/"+name)
		bundles = append(bundles, bundle)
	}
	seed, replace := filepath.Join(dir, "seed"), map[string]string{}
	run(nil, append([]string{"run", "./cmd/precompile", "-out", seed}, bundles...)...)
	for _, made := range append(glob(t, dir, "*.wasm*"), glob(t, dir, "seed/*")...) {
		replace[filepath.Join(dist, made)] = filepath.Join(dir, made)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "overlay.json"), overlay, 0o600); err != nil {
		t.Fatal(err)
	}
	run(nil, "build", "-overlay", filepath.Join(dir, "overlay.json"), "-o", binary, "./cmd/carapace")
	return binary
}

// glob lists files in a folder, as seen from there.
func glob(t *testing.T, dir, pattern string) []string {
	t.Helper()
	names, err := fs.Glob(os.DirFS(dir), pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("no %s: %v", pattern, err)
	}
	return names
}

// TestKills is the demo in small, with each channel.
func TestKills(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and kills a gateway for half a minute")
	}
	gateway, room := build(t), make(chan struct{}, atOnce)
	var all sync.WaitGroup
	for _, channel := range platforms.Channels() {
		room <- struct{}{}
		all.Go(func() {
			defer func() { <-room }()
			t.Run(channel, func(t *testing.T) { kills(t, gateway, channel) })
		})
	}
	all.Wait()
}

// atOnce is how many channels are tested side by side: they mostly wait, also where there are two processors.
const atOnce = 4

func kills(t *testing.T, gateway, channel string) {
	o := crash.Options{
		Gateway: gateway, Channel: channel, Messages: 60, People: 12, Kills: 3, Seed: rand.Uint64(),
		Pace: 60 * time.Millisecond, Window: 10 * time.Second, Progress: t.Output(),
	}
	t.Logf("seed %d", o.Seed)
	report, err := crash.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if !report.OK() {
		report.Markdown(t.Output())
		t.Error("the gateway lost or doubled messages, or answered wrongly or out of order")
	}
}

func TestWithoutAGateway(t *testing.T) {
	_, err := crash.Run(t.Context(), crash.Options{Gateway: filepath.Join(t.TempDir(), "none"), Channel: "telegram", Messages: 1, People: 1, Pace: time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), "make build") {
		t.Errorf("error %v", err)
	}
}
