package main

import (
	"strings"
	"testing"
)

// TestExportReadsEveryPage of a history that is longer than one answer.
func TestExportReadsEveryPage(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	serve(t, state)
	must(t, state, "call", "sessions.patch", "--params", `{"key":"main","label":"long"}`)
	const messages = 6
	text := strings.Repeat("word ", 20_000)
	for range messages {
		must(t, state, "call", "chat.inject", "--params", `{"sessionKey":"main","message":"`+text+`"}`)
	}
	lines := strings.Count(must(t, state, "sessions", "export", "main"), "\n")
	if want := messages + 1; lines != want { // the first describes the session
		t.Errorf("%d lines, want %d", lines, want)
	}
}

// TestPages reads lists and histories that have more lines than a page.
func TestPages(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	serve(t, state)
	conn := dial(t, state)
	const sessions, messages = 1001, 501
	for i := range sessions {
		call(t, conn, "sessions.patch", session.PatchParams{Key: fmt.Sprint("s", i), Label: json.RawMessage(`"` + fmt.Sprint("label", i) + `"`)})
	}
	for range messages {
		call(t, conn, "chat.inject", chat.InjectParams{SessionKey: "s0", Message: "m"})
	}
	if lines := strings.Count(must(t, state, "sessions", "list"), "\n"); lines != sessions+1 { // the first is the head
		t.Errorf("%d lines of sessions, want %d", lines, sessions+1)
	}
	if lines := strings.Count(must(t, state, "sessions", "export", "s0"), "\n"); lines != messages+1 {
		t.Errorf("%d lines of an export, want %d", lines, messages+1)
	}
}
