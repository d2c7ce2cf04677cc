package main

import (
	"fmt"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/ollama/ollamatest"
	"github.com/carapace-gateway/carapace/cmd/carapace/terminaltest"
)

// pulls is a gateway with a server of models.
func pulls(t *testing.T) (state string, s *ollamatest.Server) {
	t.Helper()
	state, s = stateDir(t), ollamatest.New()
	serve(t, state)
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	must(t, state, "call", "plugins.configure", "--params", fmt.Sprintf(`{"id":"ollama","config":{"baseUrl":%q}}`, web.URL))
	return state, s
}

// TestPullOnATerminal draws one line again and again, which is gone at the end; Ctrl-C stops what is fetched.
func TestPullOnATerminal(t *testing.T) {
	state, s := pulls(t)
	pieces := make(chan struct{})
	s.Offer("qwen3:4b", ollamatest.Pull{Size: 1 << 31, Steps: 2, Pause: pieces})
	screen := terminaltest.Start(t, command(t.Context(), t, state, "models", "pull", "ollama/qwen3:4b"))
	screen.Await(t, "pulling manifest")
	pieces <- struct{}{}
	screen.Await(t, "pulling 6a0746a1ec1a: 50 % of 2.0 GB")
	pieces <- struct{}{}
	screen.Await(t, "ollama/qwen3:4b is there")
	screen.AwaitEnd(t)
	if raw := screen.Raw(); !strings.Contains(raw, "\r\x1b[Kpulling 6a0746a1ec1a: 50 % of 2.0 GB\r\x1b[K") || strings.Contains(raw, "GB\n") || strings.Contains(raw, "GB\r\n") {
		t.Errorf("%q", raw)
	}
	s.Offer("llama3.2:latest", ollamatest.Pull{Size: 1 << 31, Steps: 2, After: 1, Hang: true})
	screen = terminaltest.Start(t, command(t.Context(), t, state, "models", "pull", "llama3.2"))
	screen.Await(t, "50 % of 2.0 GB")
	screen.Type(t, "\x03")
	screen.Await(t, "ollama/llama3.2 is fetched no more: you have stopped it")
	screen.AwaitEnd(t)
	if got := must(t, state, "tasks", "list"); !strings.Contains(got, "cancelled") || strings.Contains(got, "running") {
		t.Errorf("after Ctrl-C there is\n%s", got)
	}
}

// TestPullGoesOnWithoutItsTerminal, and is stopped as a task.
func TestPullGoesOnWithoutItsTerminal(t *testing.T) {
	state, s := pulls(t)
	s.Offer("llama3.2:latest", ollamatest.Pull{Size: 1 << 31, Steps: 4, After: 3, Hang: true})
	asks := command(t.Context(), t, state, "models", "pull", "llama3.2")
	said, err := asks.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := asks.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 1<<10)
	if n, err := said.Read(line); err != nil || !strings.HasPrefix(string(line[:n]), "… pulling ") {
		t.Errorf("%q %v", line[:n], err)
	}
	if err := asks.Process.Signal(os.Kill); err != nil {
		t.Fatal(err)
	}
	_ = asks.Wait() // it was killed
	list := must(t, state, "tasks", "list")
	id := strings.Fields(list[strings.Index(list, "pull-"):])[0]
	if !strings.Contains(list, "running") || !strings.Contains(list, "fetch ollama/llama3.2: pulling ") {
		t.Errorf("\n%s", list)
	}
	must(t, state, "tasks", "stop", id)
	if got := must(t, state, "tasks", "list"); !strings.Contains(got, "cancelled") || !strings.Contains(got, "ollama/llama3.2 is fetched no more") {
		t.Errorf("\n%s", got)
	}
}

// TestPullFails: a program reads the answer alone, and why there is none.
func TestPullFails(t *testing.T) {
	state, s := pulls(t)
	s.Offer("qwen3:4b", ollamatest.Pull{Size: 100, Steps: 2})
	if r := carapace(t, state, "models", "pull", "qwen3:4b", "--json"); r.code != 0 || r.err != "" || !strings.Contains(r.out, `"model": "ollama/qwen3:4b"`) {
		t.Errorf("%d %q %q", r.code, r.out, r.err)
	}
	if r := carapace(t, state, "models", "pull", "none"); r.code != exitFailed || r.out != "" || !strings.Contains(r.err, "there is no model of this name to be fetched") {
		t.Errorf("%d %q %q", r.code, r.out, r.err)
	}
}
