//go:build unix

package process_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/cmd/process"
)

// gateway is a program that stands in for one.
func gateway(t *testing.T, script string) process.Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "gateway")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	return process.Config{Gateway: path, StateDir: t.TempDir(), Log: &bytes.Buffer{}}
}

// never is what a gateway does that neither starts nor stops.
const never = "while :; do sleep 0.05; done\n"

// TestAGatewayThatDoesNotStart is given up, with the end of its log.
func TestAGatewayThatDoesNotStart(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ script, words string }{
		"it hangs":     {"echo the store is locked >&2\n" + never, "did not listen within"},
		"it dies":      {"echo the store is locked >&2\nexit 3\n", "ended before it listened: exit status 3"},
		"it is no one": {"echo the store is locked >&2\necho hello\n" + never, `said "hello"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := gateway(t, c.script)
			config.Start = time.Second
			if name != "it hangs" {
				config.Start = time.Minute
			}
			_, err := process.Launch(t.Context(), config)
			if err == nil || !strings.Contains(err.Error(), c.words) {
				t.Fatalf("%v, want %q", err, c.words)
			}
			// One that hangs may not have got as far as logging, on a slow machine.
			if name != "it hangs" && !strings.HasSuffix(err.Error(), "its log ends with:\nthe store is locked") {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestAGatewayThatDoesNotStop is killed, and the error has the end of its log.
func TestAGatewayThatDoesNotStop(t *testing.T) {
	t.Parallel()
	c := gateway(t, "trap : TERM\necho not now >&2\necho listens on http://127.0.0.1:1\n"+never)
	c.Stop = time.Second
	p, err := process.Launch(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Kill()
	if p.URL != "http://127.0.0.1:1" {
		t.Errorf("it listens on %q", p.URL)
	}
	if err := p.Stop(); err == nil || !strings.HasSuffix(err.Error(), "did not end within 1s of SIGTERM; its log ends with:\nnot now") {
		t.Errorf("%v", err)
	}
}

// TestAGatewayThatStops as it should is no error, and one that fails is.
func TestAGatewayThatStops(t *testing.T) {
	t.Parallel()
	for code := range 2 {
		c := gateway(t, fmt.Sprintf("trap 'exit %d' TERM\necho listens on http://127.0.0.1:1\n%s", code, never))
		p, err := process.Launch(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Stop(); (err != nil) != (code != 0) {
			t.Errorf("exit %d: %v", code, err)
		}
		p.Kill() // stays as it is
	}
}
