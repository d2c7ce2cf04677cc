package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/ollama/ollamatest"
	"github.com/carapace-gateway/carapace/kernel/config"
)

// manyModels is a server with several models: busy has too much to do, and the others say who they are, and call the tool report
// when they have it.
func manyModels(t *testing.T) (url string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"data":[{"id":"gpt-6-luna"},{"id":"llama3.2"}]}`)
			return
		}
		var asked struct {
			Model string
			Tools []struct{ Function struct{ Name string } }
		}
		_ = json.NewDecoder(r.Body).Decode(&asked)
		if asked.Model == "busy" {
			w.Header().Set("Retry-After", "3600")
			w.WriteHeader(http.StatusTooManyRequests)
			fmt.Fprint(w, `{"error":{"message":"Rate limit reached for requests"}}`)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		delta := fmt.Sprintf(`"content":"I am %s."`, asked.Model)
		if len(asked.Tools) == 1 && asked.Tools[0].Function.Name == "report" {
			delta = `"tool_calls":[{"index":0,"id":"1","function":{"name":"report","arguments":"{\"word\":\"ready\"}"}}]`
		}
		fmt.Fprintf(w, "data: {\"choices\":[{\"delta\":{%s}}]}\n\ndata: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n", delta)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/v1"
}

// TestModelsPage runs every command that docs/models.md shows.
func TestModelsPage(t *testing.T) {
	state := stateDir(t)
	gateway := serve(t, state)
	url := manyModels(t)
	must(t, state, "call", "plugins.configure", "--params", fmt.Sprintf(`{"id":"openai","config":{"baseUrl":%q},"secrets":{"api_key":"sk-0123456789abcdef"}}`, url))
	server := ollamatest.New()
	server.Offer("qwen3:4b", ollamatest.Pull{Size: 2_684_354_560, Steps: 2, Digest: "163553aea1b1"})
	web := httptest.NewServer(server)
	t.Cleanup(web.Close)
	home := web.URL
	bin, ran := path(t), 0
	for _, b := range blocks(t, "docs/models.md") {
		switch b.language {
		case "console":
			ran += play(t, state, bin, b.text, strings.NewReplacer("http://127.0.0.1:11434", home))
		case "json":
			c, err := config.Parse([]byte(b.text))
			if err != nil || len(c.Roster()) != 2 || c.Aliases()["local"] != "ollama/llama3.3" || c.Channels["telegram"].Model.Primary != "openai/llama3.2" {
				t.Errorf("%v: %s", err, b.text)
			}
		default:
			t.Errorf("nothing checks this block:\n%s", b.text)
		}
	}
	if ran != 16 {
		t.Errorf("%d commands", ran)
	}
	if r := carapace(t, state, "models", "test", "openai/busy"); r.code != 1 || !strings.Contains(r.out, "✗ openai/busy") || !strings.Contains(r.out, "too many requests") {
		t.Errorf("%d %s %s", r.code, r.out, r.err)
	}
	gateway.Kill()
	gateway.Start()
	if got := must(t, state, "status"); !strings.Contains(got, "model openai/busy rests for ") {
		t.Errorf("what rested is asked after a crash:\n%s", got)
	}
	must(t, state, "models", "use", "--agent", "main", "openai/llama3.2", "mini")
	if got := must(t, state, "chat", "--message", "hello"); got != "I am llama3.2.\n" || !strings.Contains(must(t, state, "config", "get", "agents.list"), "openai/gpt-6-luna") {
		t.Errorf("an agent's own model says %q", got)
	}
	for _, wrong := range []struct {
		args []string
		says string
	}{
		{[]string{"models", "use", "gpt"}, `"gpt" must be provider/model, or an alias`},
		{[]string{"models", "test", "nobody/x"}, "there is no provider for the model"},
		{[]string{"models", "use"}, "requires at least 1 arg"},
		{[]string{"call", "plugins.configure", "--params", `{"id":"openai","account":"work","config":{"model":"x"}}`}, "is another key of it"},
		{[]string{"call", "plugins.configure", "--params", `{"id":"openai","account":"A B","secrets":{"api_key":"x"}}`}, "is no account's name"},
	} {
		if r := carapace(t, state, wrong.args...); r.code == 0 || !strings.Contains(r.err, wrong.says) {
			t.Errorf("%q: %d %s", wrong.args, r.code, r.err)
		}
	}
	if got := must(t, state, "credentials", "revoke", "openai", "api_key", "--account", "work", "--yes"); !strings.Contains(got, "forgotten") {
		t.Error(got)
	}
}
