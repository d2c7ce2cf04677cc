package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// copied is a folder of testdata, to be written to.
func copied(t *testing.T, name string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", name))); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestImportOfOpenClaw takes over what the real program has kept in SQLite: conversations, a label, jobs, settings; once, and without a trace
// in its folder.
func TestImportOfOpenClaw(t *testing.T) {
	t.Parallel()
	state, dir := stateDir(t), copied(t, "openclaw")
	serve(t, state)
	plan := must(t, state, "import", dir, "--dry-run")
	for _, want := range []string{"agent:main:main", "would be taken", "job morning", "agent:work:main", "account telegram/default", "would be taken: botToken, dmPolicy, allowFrom", "not taken of openclaw.json: gateway"} {
		if !strings.Contains(plan, want) {
			t.Errorf("%q is missing in the plan\n%s", want, plan)
		}
	}
	if list := must(t, state, "sessions", "list"); strings.Contains(list, "trip") {
		t.Errorf("the plan was carried out:\n%s", list)
	}
	out := must(t, state, "import", dir)
	for _, want := range []string{"agent:main:trip", "taken", "agent:work:main", "job tick", "agent work", "plugin openai"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	if strings.Contains(out, "heartbeat") {
		t.Errorf("a job of the program's own was taken:\n%s", out)
	}
	if strings.Contains(plan+out, "sk-example") || strings.Contains(plan+out, "1:example") {
		t.Errorf("a credential is shown:\n%s%s", plan, out)
	}
	settings := must(t, state, "config", "get")
	for _, want := range []string{"4711", `"allowlist"`, `"openai/mock-1"`, `"work"`, "http://127.0.0.1:9/v1", `"daily"`} {
		if !strings.Contains(settings, want) {
			t.Errorf("%q is missing in\n%s", want, settings)
		}
	}
	if kept := must(t, state, "credentials", "list"); !strings.Contains(kept, "api_key") || !strings.Contains(kept, "botToken") || strings.Contains(settings, "sk-example") {
		t.Errorf("credentials %s\n%s", kept, settings)
	}
	for session, want := range map[string][]string{
		"main": {"Where is the harbour? Grüße", "And the lighthouse?", `"provider":"mock"`, "1795951284459"},
		"trip": {"我们去北京旅行", "the trip"},
	} {
		export := must(t, state, "sessions", "export", session)
		for _, text := range want {
			if !strings.Contains(export, text) {
				t.Errorf("%s: %q is missing in\n%s", session, text, export)
			}
		}
	}
	if jobs := must(t, state, "cron", "list"); !strings.Contains(jobs, "morning") || !strings.Contains(jobs, "tick") {
		t.Errorf("%s", jobs)
	}
	if found := must(t, state, "sessions", "search", "北京"); !strings.Contains(found, "agent:main:trip") {
		t.Errorf("%s", found)
	}
	again := must(t, state, "import", dir)
	if !strings.Contains(again, "it was here already") || !strings.Contains(again, "there is a job of this name already") ||
		strings.Count(again, "it is set up here already") != 2 || strings.Count(again, "there is one here already") != 4 {
		t.Errorf("again:\n%s", again)
	}
	for _, pattern := range []string{"*/*-wal", "*/*/*/*-wal", "*/*/*/*-shm"} {
		if left, err := filepath.Glob(filepath.Join(dir, pattern)); err != nil || len(left) > 0 {
			t.Errorf("left in the folder: %v %v", left, err)
		}
	}
	damaged := copied(t, "openclaw")
	if err := os.WriteFile(filepath.Join(damaged, "agents", "work", "agent", "openclaw-agent.sqlite"), []byte("no database"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out := must(t, state, "import", damaged); !strings.Contains(out, "is no SQLite file") || !strings.Contains(out, "it was here already") {
		t.Errorf("%s", out)
	}
}
