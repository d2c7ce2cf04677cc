//go:build linux

package main

import (
	"context"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/cmd/carapace/terminaltest"
)

func TestChatAnswersInOneShot(t *testing.T) {
	state := stateDir(t)
	serve(t, state)
	r := carapace(t, state, "chat", "--message", "what is 17*23?")
	if r.code != 0 || !strings.Contains(r.out, "391") || !strings.Contains(r.err, "calc") {
		t.Fatalf("exit %d: %q %q", r.code, r.out, r.err)
	}
}

// TestChatSurvivesARestart types into the terminal chat, kills the gateway, writes while it is away,
// and sees the answer once it is back.
func TestChatSurvivesARestart(t *testing.T) {
	state := stateDir(t)
	g := serve(t, state)
	screen := terminaltest.Start(t, command(context.Background(), t, state, "chat"))
	screen.Await(t, "connected")
	screen.Type(t, "what is 17*23?\r")
	screen.Await(t, "391")
	g.Kill()
	screen.Await(t, "away")
	screen.Type(t, "what is 6*7?\r")
	screen.Await(t, "1 waiting")
	mark := screen.Mark()
	g.Start()
	screen.AwaitAfter(t, mark, "42")
	if n := strings.Count(must(t, state, "sessions", "show", "main"), "what is 6*7?"); n != 1 {
		t.Fatalf("the message was said %d times", n)
	}
}

// TestChatTakesABurstForText types as a program does, many keys at once: words that read like keys are words, and
// /quit leaves.
func TestChatTakesABurstForText(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	serve(t, state)
	screen := terminaltest.Start(t, command(context.Background(), t, state, "chat"))
	screen.Await(t, "connected")
	mark := screen.Mark()
	screen.Type(t, "enter")
	screen.Type(t, "down")
	screen.Type(t, "\r")
	screen.AwaitAfter(t, mark, "bot")
	if got := must(t, state, "sessions", "show", "main"); !strings.Contains(got, "enterdown\n") {
		t.Errorf("it was said: %s", got)
	}
	screen.Type(t, "/quit\r")
	screen.AwaitEnd(t)
}
