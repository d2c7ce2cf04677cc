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
