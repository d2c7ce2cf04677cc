package main

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/cmd/carapace/terminaltest"
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
	conn, err := gateway{state: stateFolder(state)}.dial(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	call := func(method string, params any) {
		if err := conn.Call(t.Context(), method, params, nil); err != nil {
			t.Fatal(err)
		}
	}
	const sessions, messages = 1001, 501
	for i := range sessions {
		call("sessions.patch", map[string]any{"key": fmt.Sprint("s", i), "thinkingLevel": "low"})
	}
	for range messages {
		call("chat.inject", map[string]any{"sessionKey": "s0", "message": "m"})
	}
	if lines := strings.Count(must(t, state, "sessions", "list"), "\n"); lines != sessions+1 { // the first is the head
		t.Errorf("%d lines of sessions, want %d", lines, sessions+1)
	}
	if lines := strings.Count(must(t, state, "sessions", "export", "s0"), "\n"); lines != messages+1 {
		t.Errorf("%d lines of an export, want %d", lines, messages+1)
	}
}

// TestAQuestionIsLeft by Ctrl-C, and nothing is done.
func TestAQuestionIsLeft(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	serve(t, state)
	must(t, state, "call", "sessions.patch", "--params", `{"key":"kept","label":"kept"}`)
	for key, says := range map[string]string{"\x03": "left; nothing was changed", "\r": "nothing was done"} {
		screen := terminaltest.Start(t, command(context.Background(), t, state, "sessions", "delete", "kept"))
		screen.Await(t, "[y/N]")
		screen.Type(t, key)
		screen.Await(t, "\ncarapace: "+says) // on a line of its own
		screen.AwaitEnd(t)
	}
	if list := must(t, state, "sessions", "list"); !strings.Contains(list, "kept") {
		t.Errorf("it is gone:\n%s", list)
	}
}

// TestSessionsAreCreatedAndReset: a command makes one that another one finds, and empties it without losing what was said.
func TestSessionsAreCreatedAndReset(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	serve(t, state)
	key := strings.TrimSpace(must(t, state, "sessions", "create", "The trip"))
	if list := must(t, state, "sessions", "list"); !strings.HasPrefix(key, "agent:main:") || !strings.Contains(list, key) || !strings.Contains(list, "The trip") {
		t.Errorf("%s\n%s", key, list)
	}
	if own := strings.TrimSpace(must(t, state, "sessions", "create", "--key", "packing")); own != "agent:main:packing" {
		t.Errorf("%s", own)
	}
	if r := carapace(t, state, "sessions", "create", "The trip"); r.code != exitFailed || r.err == "" {
		t.Errorf("two of one title: %+v", r)
	}
	must(t, state, "chat", "--session", key, "--message", "aardvarks are coming")
	if said := must(t, state, "sessions", "show", key); !strings.Contains(said, "aardvarks") {
		t.Errorf("%s", said)
	}
	for args, want := range map[string]string{"--channel webchat": key, "--status done": key, "--channel none": "", "--user nobody": "", "--status failed": ""} {
		if list := must(t, state, append([]string{"sessions", "list"}, strings.Fields(args)...)...); strings.Contains(list, key) != (want != "") {
			t.Errorf("%s: %s", args, list)
		}
	}
	must(t, state, "sessions", "reset", key)
	if said := must(t, state, "sessions", "show", key); strings.Contains(said, "aardvarks") {
		t.Errorf("after a reset: %s", said)
	}
	if found := must(t, state, "sessions", "search", "aardvarks"); !strings.Contains(found, "aardvarks") {
		t.Errorf("lost: %s", found)
	}
	if r := carapace(t, state, "sessions", "reset", "nosuch"); r.code != exitFailed || !strings.Contains(r.err, "there is no session nosuch") {
		t.Errorf("%+v", r)
	}
	if r := carapace(t, state, "sessions", "list", "--status", "odd"); r.code == 0 || !strings.Contains(r.err, "running") {
		t.Errorf("%+v", r)
	}
}
