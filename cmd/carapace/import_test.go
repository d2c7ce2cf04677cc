package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// foreignState writes the files of another gateway, and returns its folder.
func foreignState(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, "agents", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const transcript = `{"type":"session","version":3,"id":"one","timestamp":"2026-01-02T03:04:05Z","cwd":"/"}
{"type":"model_change","provider":"p","modelId":"m"}
{"type":"message","timestamp":"2026-01-02T03:04:06Z","message":{"role":"user","content":"where is the harbour?"}}
{"type":"message","message":{"role":"assistant","timestamp":1767323047000,"content":[{"type":"thinking","thinking":"hm"},{"type":"toolCall","id":"c1","name":"find","arguments":{"q":"harbour"}}]}}
{"type":"message","message":{"role":"toolResult","toolCallId":"c1","toolName":"find","content":[{"type":"text","text":"in the north"}]}}
this is no JSON
{"type":"message","message":{"role":"assistant","content":[{"type":"text","text":"In the north."}]}}
`

// TestImport takes conversations over once, tells what it took, and takes what is new when it is done again.
func TestImport(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	serve(t, state)
	dir := foreignState(t, map[string]string{
		"main/sessions/sessions.json": `{
			"agent:main:trip": {"sessionId": "one", "updatedAt": 1767323048000, "label": "the trip"},
			"agent:main:lost": {"sessionId": "two", "updatedAt": 1},
			"agent:main:evil": {"sessionId": "../../secret", "updatedAt": 1},
			"agent:other:main": {"sessionId": "three", "updatedAt": 1}}`,
		"main/sessions/one.jsonl":   transcript,
		"main/sessions/three.jsonl": `{"type":"message","message":{"role":"user","content":"hello"}}`,
	})
	out := must(t, state, "import", dir)
	for _, want := range []string{"agent:main:trip", "taken; 1 lines could not be read", "its history is not there, two.jsonl", "it has no history", `unknown agent id`} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	if again := must(t, state, "import", dir); !strings.Contains(again, "it was here already") {
		t.Errorf("again:\n%s", again)
	}
	if list := must(t, state, "sessions", "list"); !strings.Contains(list, "the trip") || strings.Count(list, "\n") != 2 {
		t.Errorf("%s", list)
	}
	export := must(t, state, "sessions", "export", "trip")
	for _, want := range []string{"where is the harbour?", `"toolCallId":"c1"`, `"name":"find"`, "In the north.", "1767323046000"} {
		if !strings.Contains(export, want) {
			t.Errorf("%q is missing in\n%s", want, export)
		}
	}
	more := foreignState(t, map[string]string{
		"main/sessions/sessions.json": `{"agent:main:trip": {"sessionId": "one", "updatedAt": 1767323048000}}`,
		"main/sessions/one.jsonl":     transcript + `{"type":"message","message":{"role":"user","content":"thank you"}}` + "\n",
	})
	must(t, state, "import", more)
	if export := must(t, state, "sessions", "export", "trip"); strings.Count(export, "\n") != 6 || !strings.Contains(export, "thank you") {
		t.Errorf("what is new:\n%s", export)
	}
	must(t, state, "call", "chat.inject", "--params", `{"sessionKey":"trip","message":"it goes on"}`)
	if out := must(t, state, "import", more); !strings.Contains(out, "it goes on here already") {
		t.Errorf("%s", out)
	}
	// A key that has a conversation of its own keeps it.
	other := foreignState(t, map[string]string{
		"main/sessions/sessions.json": `{"agent:main:trip": {"sessionId": "four", "updatedAt": 1767323048000}}`,
		"main/sessions/four.jsonl":    transcript,
	})
	if out := must(t, state, "import", other); !strings.Contains(out, "carapace sessions export --id four") {
		t.Errorf("%s", out)
	}
	if export := must(t, state, "sessions", "export", "--id", "four"); !strings.Contains(export, "In the north.") || strings.Contains(export, "thank you") {
		t.Errorf("%s", export)
	}
}

// TestArchiveCommands put a conversation away and bring it back.
func TestArchiveCommands(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	serve(t, state)
	must(t, state, "call", "sessions.patch", "--params", `{"key":"trip","label":"the trip"}`)
	must(t, state, "call", "chat.inject", "--params", `{"sessionKey":"trip","message":"the harbour"}`)
	for _, step := range []struct {
		args []string
		want string
	}{
		{[]string{"search", "HARBOUR"}, "agent:main:trip"},
		{[]string{"search", "nothing of it"}, "nobody has said that"},
		{[]string{"search", "harb", "--role", "assistant", "--newest", "--days", "1", "--session", "trip"}, "agent:main:trip"},
		{[]string{"search", "harb", "--role", "user"}, "nobody has said that"},
		{[]string{"person", "export", "telegram:1"}, ""},
		{[]string{"person", "purge", "telegram:1", "--yes"}, "removed: 0 conversations"},
		{[]string{"fork", "trip", "copy"}, "agent:main:copy"},
		{[]string{"compact", "trip"}, "there is nothing to shorten"},
		{[]string{"archive", "trip", "--remove"}, "messages 1"},
		{[]string{"archives"}, "the trip"},
		{[]string{"restore", "trip"}, "restored"},
		{[]string{"show", "trip"}, "the harbour"},
		{[]string{"forget", "trip", "--yes"}, "deleted"},
		{[]string{"archives"}, "the archive is empty"},
	} {
		if out := must(t, state, append([]string{"sessions"}, step.args...)...); !strings.Contains(out, step.want) {
			t.Errorf("sessions %s says\n%s", strings.Join(step.args, " "), out)
		}
	}
}
