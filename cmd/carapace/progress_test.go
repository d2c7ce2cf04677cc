package main

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
)

// TestACallShowsHowFarItsToolIs to people: the answer alone is what a program reads.
func TestACallShowsHowFarItsToolIs(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	folder := filepath.Join(state, "plugins", "guest")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"plugin.wasm": string(kerneltest.WASM(t, "github.com/carapace-gateway/carapace/kernel/testdata/guest")),
		"plugin.json": `{"id":"guest","name":"Guest","version":"1.0.0","description":"x","abi":1,"entry":"plugin.wasm","limits":{"deadline":180000},
			"provides":{"tools":[{"name":"guest","description":"x","parameters":{"type":"object"}}]},"permissions":{"kv":{"reason":"to wait"}}}`,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	serve(t, state)
	call := command(t.Context(), t, state, "plugins", "call", "guest", "guest", `{"do":"report"}`)
	var out bytes.Buffer
	call.Stdout = &out
	stderr, err := call.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := call.Start(); err != nil {
		t.Fatal(err)
	}
	var said []string
	for lines := bufio.NewScanner(stderr); lines.Scan(); {
		if said = append(said, lines.Text()); lines.Text() == "… step 1000" {
			must(t, state, "plugins", "call", "guest", "guest", `{"do":"release"}`)
		}
	}
	if err := call.Wait(); err != nil || out.String() != "v0\n" {
		t.Errorf("%v: %q", err, out.String())
	}
	for _, line := range said {
		if !strings.HasPrefix(line, "… step ") {
			t.Errorf("beside the answer it says %q", said)
		}
	}
}
