package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// verdict is what the tests say of a change.
type verdict string

const (
	killed   verdict = "killed"
	survived verdict = "survived"
	invalid  verdict = "invalid" // it does not compile
)

// tester runs the tests with one changed file at a time. Its files are in a folder of its own.
type tester struct {
	folder  string
	tests   []string
	timeout time.Duration
}

func newTester(o options) (*tester, error) {
	folder, err := os.MkdirTemp("", "mutate")
	return &tester{folder, o.tests, o.timeout}, err
}

func (t *tester) close() { _ = os.RemoveAll(t.folder) }

// try runs the tests with a change, or with none, and returns the verdict and what the tests printed.
func (t *tester) try(ctx context.Context, m *mutant) (verdict, string) {
	overlay, err := t.overlay(m)
	if err != nil {
		return invalid, err.Error()
	}
	args := []string{"test", "-count=1", "-failfast", "-vet=off", "-timeout", t.timeout.String(), "-overlay", overlay}
	cmd := exec.CommandContext(ctx, "go", append(args, t.tests...)...)
	out, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		return survived, string(out)
	case bytes.Contains(out, []byte("[build failed]")) || bytes.Contains(out, []byte("[setup failed]")):
		return invalid, string(out)
	}
	return killed, string(out)
}

// overlay writes what -overlay takes: which file stands for which.
func (t *tester) overlay(m *mutant) (string, error) {
	replaced := map[string]string{}
	if m != nil {
		source, err := os.ReadFile(m.file)
		if err != nil {
			return "", err
		}
		original, err := filepath.Abs(m.file)
		if err != nil {
			return "", err
		}
		changed := filepath.Join(t.folder, "changed.go")
		if err := os.WriteFile(changed, m.apply(source), 0o600); err != nil {
			return "", err
		}
		replaced[original] = changed
	}
	data, err := json.Marshal(map[string]any{"Replace": replaced})
	if err != nil {
		return "", err
	}
	name := filepath.Join(t.folder, "overlay.json")
	return name, os.WriteFile(name, data, 0o600)
}
