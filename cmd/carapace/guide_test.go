//go:build linux

package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/telegram/botapitest"
	"github.com/carapace-gateway/carapace/cmd/carapace/terminaltest"
)

// TestTheGuideLeadsThroughAFirstRun from a gateway that is not there yet to an owner who is known: a wrong key is tried again,
// the model answers, an account is connected, and a stranger who writes first is not taken for the owner.
func TestTheGuideLeadsThroughAFirstRun(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	model := answeringServer(t, "sk-good-0123456789")
	bots := botapitest.New(botapitest.Config{Token: botToken})
	root, err := bots.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bots.Close() })
	screen := terminaltest.Start(t, command(context.Background(), t, state, "setup"))
	typed := 0
	answer := func(prompt, text string) {
		t.Helper()
		screen.AwaitAfter(t, typed, prompt)
		typed = screen.Mark()
		screen.Type(t, text+"\r")
	}
	screen.Await(t, "press Enter here:")
	serve(t, state)
	answer("press Enter here:", "")
	screen.AwaitAfter(t, typed, "eliza/eliza answers now.")
	answer("Which one, by its number or name?", "nothing like it")
	screen.AwaitAfter(t, typed, "There is no such one")
	for _, key := range []string{"sk-wrong", "sk-good-0123456789"} {
		if key == "sk-wrong" {
			answer("Which one, by its number or name?", "openai")
		} else {
			screen.AwaitAfter(t, typed, "the key is not accepted")
			answer("Try it again?", "y")
		}
		answer("api_key (", key)
		answer("preset (", "")
		answer("baseUrl (", model)
		answer("api (", "")
		answer("reasoningSummary (", "")
		answer("pictures (", "")
		answer("apiVersion (", "")
		answer("timeout (", "")
		answer("thinkingOpened (", "")
		answer("speechModel (", "")
		answer("speechVoice (", "")
		answer("speechInstructions (", "")
		answer("organization (", "")
	}
	answer("model (", "llama3.2")
	screen.AwaitAfter(t, typed, "is set up and works")
	answer("Say something to the assistant", "who are you?")
	screen.AwaitAfter(t, typed, "I am a llama.")
	answer("Say something to the assistant", "")
	answer("Which one, by its number or name?", "telegram")
	answer("botToken (", botToken)
	answer("Everything else has a default", "y")
	for _, setting := range []string{"mode", "webhookUrl", "webhookSecret", "apiRoot", "parseMode", "linkPreview"} {
		answer(setting+" (", map[string]string{"apiRoot": root}[setting])
	}
	screen.AwaitAfter(t, typed, "4. You")
	bots.DM(botapitest.User{ID: 99, FirstName: "Mallory"}, "hello")
	answer("Mallory (99) wrote to telegram/default. Is that you?", "")
	bots.DM(botapitest.User{ID: 4711, FirstName: "Ada"}, "hello")
	answer("Ada (4711) wrote to telegram/default. Is that you?", "y")
	screen.AwaitAfter(t, typed, "approved, and named as the owner")
	screen.AwaitAfter(t, typed, "That is all.")
	screen.AwaitEnd(t)
	if got := must(t, state, "config", "get", "plugins.openai.config.model"); got != "llama3.2\n" {
		t.Errorf("the model is %q", got)
	}
	if got := must(t, state, "pairing", "approved"); !strings.Contains(got, "4711") || strings.Contains(got, "Mallory") {
		t.Errorf("approved: %s", got)
	}
	t.Run("begun anew it asks for nothing that is known", func(t *testing.T) {
		screen := terminaltest.Start(t, command(context.Background(), t, state, "setup"))
		screen.Await(t, "openai/llama3.2 answers now.")
		screen.Type(t, "\r\r")
		screen.Await(t, "telegram/default is there: ")
		screen.Type(t, "\x03")
		screen.Await(t, "left; what was set up stays")
	})
}

// answeringServer lists models and answers, to who has the key.
func answeringServer(t *testing.T, key string) (url string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Header.Get("Authorization") != "Bearer "+key:
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"error":{"message":"Incorrect API key provided","code":"invalid_api_key"}}`)
		case r.Method == http.MethodGet:
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"data":[{"id":"gpt-6-luna"},{"id":"llama3.2"}]}`)
		default:
			w.Header().Set("Content-Type", "text/event-stream")
			fmt.Fprint(w, "data: {\"choices\":[{\"delta\":{\"content\":\"I am a llama.\"}}]}\n\ndata: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")
		}
	}))
	t.Cleanup(server.Close)
	return server.URL + "/v1"
}
