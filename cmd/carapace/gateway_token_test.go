package main

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coder/websocket"
)

// impostor is a server that looks like a gateway and keeps what it is told.
func impostor(t *testing.T) (url string, heard <-chan string) {
	t.Helper()
	frames := make(chan string, 16)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer ws.CloseNow()
		_ = ws.Write(r.Context(), websocket.MessageText, []byte(`{"type":"event","event":"connect.challenge","payload":{"nonce":"n","ts":1}}`))
		_, frame, _ := ws.Read(r.Context())
		frames <- r.URL.String() + r.Header.Get("Authorization") + string(frame)
	}))
	t.Cleanup(server.Close)
	return server.URL, frames
}

// TestWhoeverLeavesIsToldOfNoGateway: that nobody waited for an answer says nothing of who would have given it.
func TestWhoeverLeavesIsToldOfNoGateway(t *testing.T) {
	t.Parallel()
	url, _ := impostor(t)
	ctx, leave := context.WithCancel(t.Context())
	leave()
	_, err := gateway{state: stateFolder(stateDir(t)), url: url}.dial(ctx)
	if !errors.Is(err, context.Canceled) || errors.As(err, new(unreachableError)) || (failure{err: err}).message() != "interrupted" {
		t.Errorf("%v", err)
	}
}

// TestTheTokenGoesToItsOwnGateway: what the state directory and the config file know is sent to the gateway that runs on
// them, however it is named, and to nobody else: no other address, no redirect, nobody who took a dead one's place.
func TestTheTokenGoesToItsOwnGateway(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	g := serve(t, state)
	token, err := os.ReadFile(filepath.Join(state, "gateway.token"))
	if err != nil {
		t.Fatal(err)
	}
	for _, url := range []string{g.URL, g.WebSocket(), strings.Replace(g.URL, "127.0.0.1", "localhost", 1)} {
		must(t, state, "status", "--url", url)
	}
	other := serve(t, stateDir(t))
	if r := carapace(t, state, "status", "--url", other.URL); r.code != exitFailed || !strings.Contains(r.err, "--token") {
		t.Errorf("another gateway: %d %s", r.code, r.err)
	}
	url, heard := impostor(t)
	redirect := httptest.NewServer(http.RedirectHandler(url, http.StatusTemporaryRedirect))
	defer redirect.Close()
	carapace(t, state, "status", "--url", redirect.URL, "--token", "given-token")
	carapace(t, state, "status", "--url", url)
	write(t, filepath.Join(state, "carapace.json"), `{"gateway":{"token":"file-token"}}`)
	carapace(t, state, "status", "--url", url)
	for range 2 {
		if frame := <-heard; strings.Contains(frame, strings.TrimSpace(string(token))) || strings.Contains(frame, "-token\"") {
			t.Errorf("an impostor was told %s", frame)
		}
	}
	carapace(t, state, "status", "--url", url, "--token", "given-token")
	if frame := <-heard; !strings.Contains(frame, "given-token") {
		t.Errorf("a token that was given is not sent: %s", frame)
	}

	dead := stateDir(t)
	write(t, filepath.Join(dead, "gateway.token"), "dead-token")
	write(t, filepath.Join(dead, "gateway.json"), `{"url":"`+url+`","pid":4194999}`)
	if r := carapace(t, dead, "status"); r.code != exitUnreachable {
		t.Errorf("a gateway that is gone: %d %s", r.code, r.err)
	}
	if len(heard) > 0 {
		t.Errorf("who took a dead gateway's place was told %s", <-heard)
	}
}
