//go:build linux

package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/telegram/botapitest"
	"github.com/carapace-gateway/carapace/cmd/carapace/terminaltest"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/wire"
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
	out := must(t, state, "setup", "openai", "--set", "baseUrl="+good, "--secret", "api_key=env:GOOD", "--set", "model=gpt-6-luna")
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
	if r := carapace(t, state, "setup", "openai", "--set", "model=unheard-of"); !strings.Contains(r.err, "does not list the model unheard-of; it lists gpt-6-luna, llama3.2") {
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

// TestSetupTriesATranscription: a wrong key, a dead address and a server that has none are refused, and nothing of them is kept.
func TestSetupTriesATranscription(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	serve(t, state)
	heard := make(chan int64, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, file, err := r.FormFile("file")
		switch {
		case err != nil || file.Filename != "recording.wav" || r.URL.Path != "/v1/audio/transcriptions":
			w.WriteHeader(http.StatusBadRequest)
		case r.Header.Get("Authorization") != "Bearer sk-good-0123456789":
			w.WriteHeader(http.StatusUnauthorized)
		default:
			heard <- file.Size
			fmt.Fprint(w, `{"text":""}`)
		}
	}))
	t.Cleanup(server.Close)
	good := server.URL + "/v1"
	for says, args := range map[string][]string{
		"no key is set":           {"--set", "model=whisper-1"},
		"the key is not accepted": {"--set", "baseUrl=" + good},
		"does not work with that": {"--set", "baseUrl=" + modelServer(t, ""), "--set", "timeout=1"},
		"baseUrl":                 {"--set", "baseUrl=my server"},
	} {
		before := must(t, state, "config", "get")
		r := carapace(t, state, append([]string{"setup", "whisper"}, args...)...)
		if r.code == 0 || !strings.Contains(r.err, says) || strings.Contains(r.out, "set up") {
			t.Errorf("setup %q: exit %d %s %s, want %q", args, r.code, r.out, r.err, says)
		}
		if after := must(t, state, "config", "get"); after != before {
			t.Errorf("setup %q left %s", args, after)
		}
	}
	if out := must(t, state, "setup", "whisper", "--set", "baseUrl="+good, "--secret", "api_key=env:GOOD"); out != "Whisper is set up and works\n" {
		t.Errorf("%q", out)
	}
	if size := <-heard; size != 44+16000 {
		t.Errorf("it was tried with %d bytes", size)
	}
	if out := must(t, state, "plugins", "info", "whisper"); !strings.Contains(out, "provides  stt\n") {
		t.Errorf("%s", out)
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
	screen.Await(t, "preset (Preset, optional):")
	screen.Type(t, "\r")
	screen.Await(t, "baseUrl (Base URL, optional, https://api.openai.com/v1):")
	screen.Type(t, good+"\r")
	for _, field := range []string{"api (API, optional):", "reasoningSummary (Summaries of reasoning, optional, false):", "pictures (Pictures, optional, false):", "apiVersion (API version, optional):"} {
		screen.Await(t, field)
		screen.Type(t, "\r")
	}
	screen.Await(t, "timeout (Timeout, optional, 600):")
	screen.Type(t, "\r")
	screen.Await(t, "thinkingOpened (Thinking opened, optional):")
	screen.Type(t, "\r")
	for _, field := range []string{"speechModel (Speech model, optional):", "speechVoice (Voice, optional, alloy):", "speechInstructions (How to speak, optional):"} {
		screen.Await(t, field)
		screen.Type(t, "\r")
	}
	screen.Await(t, "organization (Organization, optional):")
	screen.Type(t, "\r")
	screen.Await(t, "The server has the models gpt-6-luna, llama3.2")
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
			screen.Await(t, "preset (Preset")
			screen.Type(t, "\r")
			screen.Await(t, "baseUrl (Base URL")
		}
		screen.Type(t, "\x03")
		screen.Await(t, "left; nothing was changed")
	}
}

// TestWhatWasApprovedIsRevoked: senders, devices, accounts and credentials. What is gone is named, and nobody can take it
// twice.
func TestWhatWasApprovedIsRevoked(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	serve(t, state)
	model, bots := modelServer(t, "sk-good-0123456789"), botServer(t)
	must(t, state, "setup", "openai", "--set", "baseUrl="+model, "--secret", "api_key=env:GOOD")
	must(t, state, "setup", "telegram", "--secret", "botToken=env:BOT", "--set", "apiRoot="+bots)
	must(t, state, "setup", "telegram", "--account", "work", "--secret", "botToken=env:BOT", "--set", "apiRoot="+bots)
	const kept = "openai - api_key\ntelegram default botToken\ntelegram work botToken\n"
	names := regexp.MustCompile(`(?m)^(\S+ \S+ \S+) (?:SET|\S+ ago) .*$`)
	if got := names.ReplaceAllString(squeeze(must(t, state, "credentials", "list")), "$1"); got != "PLUGIN ACCOUNT CREDENTIAL\n"+kept {
		t.Fatalf("%q is kept", got)
	}
	if r := carapace(t, state, "credentials", "revoke", "openai"); r.code != exitUsage || !strings.Contains(r.err, "--yes") {
		t.Errorf("nobody was asked: %+v", r)
	}
	for _, c := range []struct {
		args       []string
		says, left string
	}{
		{[]string{"telegram", "botToken", "--account", "default"}, "forgotten: credentials botToken\n", "openai - api_key\ntelegram work botToken\n"},
		{[]string{"telegram", "--account", "work"}, "forgotten: credentials botToken; the account's settings\n", "openai - api_key\n"},
		{[]string{"telegram", "--account", "default"}, "forgotten: the account's settings\n", "openai - api_key\n"},
		{[]string{"openai"}, "forgotten: credentials api_key\n", ""},
	} {
		args := append([]string{"credentials", "revoke", "--yes"}, c.args...)
		if out := must(t, state, args...); out != c.says {
			t.Errorf("%q: %q, want %q", args, out, c.says)
		}
		if got := names.ReplaceAllString(squeeze(must(t, state, "credentials", "list")), "$1"); !strings.HasSuffix(got, c.left) || c.left == "" && !strings.HasPrefix(got, "no credential is kept") {
			t.Errorf("%q left %q", args, got)
		}
		if r := carapace(t, state, args...); r.code != exitFailed || !strings.Contains(r.err, "there is no ") {
			t.Errorf("%q twice: %+v", args, r)
		}
	}
	if got := must(t, state, "config", "get"); strings.Contains(got, `"work"`) || strings.Contains(got, `"default"`) || !strings.Contains(got, model) {
		t.Errorf("the settings are %s", got)
	}
	if out := must(t, state, "status"); strings.Contains(out, "telegram/") {
		t.Errorf("the account is still there: %s", out)
	}
}

// TestRevokingTwiceSaysSo of somebody who may write, and of a device.
func TestRevokingTwiceSaysSo(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	g := serve(t, state)
	server := botapitest.New(botapitest.Config{Token: botToken})
	bots, err := server.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	must(t, state, "setup", "telegram", "--secret", "botToken=env:BOT", "--set", "apiRoot="+bots)
	server.DM(botapitest.User{ID: 4711, FirstName: "Ada"}, "hello")
	var code []string
	await(t, "the request to write", func() bool {
		code = regexp.MustCompile(`4711 +Ada +(\S+)`).FindStringSubmatch(must(t, state, "pairing", "list"))
		return code != nil
	})
	must(t, state, "pairing", "approve", "telegram", code[1])
	twice := func(says string, args ...string) {
		t.Helper()
		if out := must(t, state, args...); out != "revoked\n" {
			t.Errorf("%q: %q", args, out)
		}
		if r := carapace(t, state, args...); r.code != exitFailed || !strings.Contains(r.err, says) {
			t.Errorf("%q twice: %+v", args, r)
		}
	}
	twice("4711 is not among the approved of telegram/default", "pairing", "revoke", "telegram", "4711")
	if out := must(t, state, "pairing", "approved"); strings.Contains(out, "4711") {
		t.Errorf("still approved: %s", out)
	}

	token, err := os.ReadFile(filepath.Join(state, "gateway.token"))
	if err != nil {
		t.Fatal(err)
	}
	phone, err := client.Dial(t.Context(), client.Options{URL: g.WebSocket(), Token: strings.TrimSpace(string(token)),
		Identity: filepath.Join(t.TempDir(), "device.json"), Client: wire.Client{ID: "webchat", Mode: "webchat"}, Scopes: []wire.Scope{wire.ScopeRead}})
	if err != nil {
		t.Fatal(err)
	}
	defer phone.Close()
	device := regexp.MustCompile(`connected +(\S+) +webchat`).FindStringSubmatch(must(t, state, "devices", "list"))
	if device == nil {
		t.Fatal("the phone is not paired")
	}
	if out := must(t, state, "devices", "rename", device[1], "my page"); out != "renamed\n" || !strings.Contains(must(t, state, "devices", "list"), "my page") {
		t.Errorf("a device has a name: %q", out)
	}
	twice("there is no device "+device[1], "devices", "revoke", device[1])
	<-phone.Done()
}
