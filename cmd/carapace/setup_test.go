//go:build linux

package main

import (
	"context"
	"net"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/cmd/carapace/terminaltest"
)

// TestSetupTriesBeforeItSaysThatItWorks: a wrong key, a dead address and what is no address are refused with the reason,
// and nothing of them is kept; a change of one setting keeps the others.
func TestSetupTriesBeforeItSaysThatItWorks(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	serve(t, state)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := "http://" + listener.Addr().String() + "/v1"
	listener.Close()
	good := modelServer(t, "sk-good-0123456789")
	refused := func(says string, args ...string) {
		t.Helper()
		before := must(t, state, "config", "get")
		r := carapace(t, state, append([]string{"setup"}, args...)...)
		if r.code == 0 || !strings.Contains(r.err, says) || strings.Contains(r.out, "set up") {
			t.Errorf("setup %q: exit %d %s %s, want %q", args, r.code, r.out, r.err, says)
		}
		if after := must(t, state, "config", "get"); after != before {
			t.Errorf("setup %q left %s", args, after)
		}
	}
	refused("does not work with that, so nothing was kept", "openai", "--set", "baseUrl="+dead)
	refused("baseUrl", "openai", "--set", "baseUrl=my server")
	refused("the key is not accepted", "openai", "--set", "baseUrl="+good)
	out := must(t, state, "setup", "openai", "--set", "baseUrl="+good, "--secret", "api_key=env:GOOD", "--set", "model=gpt-4.1-mini")
	if out != "OpenAI is set up and works\n" {
		t.Errorf("%q", out)
	}
	t.Run("a wrong key later", func(t *testing.T) {
		r := carapace(t, state, "setup", "openai", "--secret", "api_key=env:HOME")
		if r.code == 0 {
			t.Errorf("%+v", r)
		}
		must(t, state, "setup", "openai", "--set", "model=llama3.2") // the good key is still there
	})
	if got := must(t, state, "config", "get", "plugins.openai.config.baseUrl"); got != good+"\n" {
		t.Errorf("%q", got)
	}
	if r := carapace(t, state, "setup", "openai", "--set", "model=unheard-of"); !strings.Contains(r.err, "does not list the model unheard-of; it lists gpt-4.1-mini, llama3.2") {
		t.Errorf("%+v", r)
	}
	if out := must(t, state, "status"); !strings.Contains(out, "openai/unheard-of") {
		t.Errorf("%s", out)
	}
	if r := carapace(t, state, "doctor"); r.code != 0 {
		t.Errorf("doctor after a setup: %d %s", r.code, r.out)
	}
	list := must(t, state, "setup")
	for _, want := range []string{"openai", "telegram", "carapace setup PLUGIN"} {
		if !strings.Contains(list, want) {
			t.Errorf("setup lists no %s: %s", want, list)
		}
	}
}

// TestSetupNamesTheRisk of an account that everybody may write to.
func TestSetupNamesTheRisk(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	serve(t, state)
	must(t, state, "config", "set", "session.dmScope", "main")
	bots := botServer(t)
	t.Run("setup", func(t *testing.T) {
		r := carapace(t, state, "setup", "telegram", "--secret", "botToken=env:BOT", "--set", "apiRoot="+bots, "--dm", "open")
		if r.code != 0 || !strings.Contains(r.err, "risk: session.dmScope is main") || !strings.Contains(r.err, "telegram/default: everybody may write") {
			t.Fatalf("%+v", r)
		}
	})
	if out := must(t, state, "status"); !strings.Contains(out, "risk      session.dmScope is main") {
		t.Errorf("%s", out)
	}
	if out := must(t, state, "doctor"); !strings.Contains(out, "! access       ") {
		t.Errorf("%s", out)
	}
	must(t, state, "setup", "telegram", "--dm", "pairing")
	if got := must(t, state, "config", "get", "channels.telegram.accounts.default.config.apiRoot"); got != bots+"\n" {
		t.Errorf("another policy took the settings away: %q", got)
	}
}

// TestSetupAsks for what is needed, offers the models of the server, and is left by Ctrl-C.
func TestSetupAsks(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	serve(t, state)
	good := modelServer(t, "sk-good-0123456789")
	screen := terminaltest.Start(t, command(context.Background(), t, state, "setup", "openai"))
	screen.Await(t, "api_key (API key, optional):")
	screen.Type(t, "sk-good-0123456789\r")
	screen.Await(t, "baseUrl (Base URL, optional, https://api.openai.com/v1):")
	screen.Type(t, good+"\r")
	screen.Await(t, "organization (Organization, optional):")
	screen.Type(t, "\r")
	screen.Await(t, "timeout (Timeout, optional):")
	screen.Type(t, "\r")
	screen.Await(t, "The server has the models gpt-4.1-mini, llama3.2")
	screen.Type(t, "llama3.2\r")
	screen.Await(t, "is set up and works")
	if got := must(t, state, "config", "get", "plugins.openai.config.model"); got != "llama3.2\n" {
		t.Errorf("the model is %q", got)
	}
	for _, prompt := range []string{"api_key", "baseUrl"} {
		screen := terminaltest.Start(t, command(context.Background(), t, state, "setup", "openai"))
		screen.Await(t, "api_key (API key")
		if prompt == "baseUrl" {
			screen.Type(t, "\r")
			screen.Await(t, "baseUrl (Base URL")
		}
		screen.Type(t, "\x03")
		screen.Await(t, "left; nothing was changed")
	}
}
