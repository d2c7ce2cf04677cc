package kernel_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/anthropic/anthropictest"
	"github.com/carapace-gateway/carapace/builtin-plugins/bedrock/bedrocktest"
	"github.com/carapace-gateway/carapace/builtin-plugins/gemini/geminitest"
	"github.com/carapace-gateway/carapace/builtin-plugins/ollama/ollamatest"
	"github.com/carapace-gateway/carapace/builtin-plugins/openai/openaitest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
)

// tried is a provider, as it is set up in a way, and what a trial of its model says.
type tried struct {
	name, id, model string
	server          http.Handler // nil is one that does not run
	config, secrets string
	key             string // the verdict
	says            []string
}

// trials are the usual failures of each provider.
func trials() []tried {
	const wrongKey = `{"api_key":"sk-9999999999999999"}`
	completions := func(status int, body string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet && r.URL.Path == "/v1/models" {
				fmt.Fprint(w, `{"data":[{"id":"gpt-5-mini"},{"id":"gpt-5"},{"id":"whisper-1"}]}`)
				return
			}
			if r.URL.Path != "/v1/chat/completions" {
				http.NotFound(w, r)
				return
			}
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		})
	}
	unknown := completions(404, `{"error":{"message":"The model gpt-5-mimi does not exist","code":"model_not_found"}}`)
	return []tried{
		{"a wrong key", "openai", "gpt-5", openaitest.New(), `{"baseUrl":"%s/v1"}`, wrongKey, "refused", []string{"`carapace setup openai`"}},
		{"no quota", "openai", "gpt-5", completions(429, `{"error":{"message":"You exceeded your current quota","code":"insufficient_quota"}}`), `{"baseUrl":"%s/v1"}`, wrongKey, "refused", []string{"no credit left", "billing"}},
		{"another name", "openai", "gpt-5-mimi", unknown, `{"baseUrl":"%s/v1"}`, wrongKey, "ok", []string{"gpt-5-mini"}},
		{"without /v1", "openai", "gpt-5", unknown, `{"baseUrl":"%s"}`, wrongKey, "unknown", []string{"baseUrl", "/v1"}},
		{"with /v1", "anthropic", "claude-opus-5-5", written(), `{"baseUrl":"%s/v1"}`, `{"api_key":"sk-0123456789abcdef"}`, "ok", []string{"has not called the tool"}},
		{"a wrong key", "anthropic", "claude-opus-5-5", anthropictest.New("sk-0123456789abcdef"), `{"baseUrl":"%s"}`, wrongKey, "refused", []string{"`carapace setup anthropic`"}},
		{"another name", "anthropic", "claude-opus-5", anthropictest.New("sk-0123456789abcdef"), `{"baseUrl":"%s"}`, `{"api_key":"sk-0123456789abcdef"}`, "ok", []string{"claude-opus-5-5"}},
		{"a wrong key", "gemini", "gemini-3-pro-preview", geminitest.New(), `{"baseUrl":"%s/v1beta"}`, wrongKey, "refused", []string{"`carapace setup gemini`"}},
		{"another name", "gemini", "gemini-3-pro", geminitest.New(), `{"baseUrl":"%s/v1beta"}`, `{"api_key":"` + geminitest.Key + `"}`, "ok", []string{"gemini-3-pro-preview"}},
		{"another address", "gemini", "gemini-3-pro-preview", geminitest.New(), `{"baseUrl":"%s"}`, `{"api_key":"` + geminitest.Key + `"}`, "unknown", []string{"baseUrl", "/v1beta"}},
		{"a wrong key", "bedrock", "amazon.nova-pro-v1:0", bedrocktest.New(), `{"baseUrl":"%s"}`, wrongKey, "refused", []string{"`carapace setup bedrock`"}},
		{"it does not run", "ollama", "qwen3:8b", nil, `{"baseUrl":"%s"}`, `{}`, "unknown", []string{"ollama serve"}},
		{"not pulled", "ollama", "qwen3:4b", ollamatest.New(), `{"baseUrl":"%s"}`, `{}`, "ok", []string{"`carapace models pull ollama/qwen3:4b`", "qwen3:8b"}},
		{"no tools", "ollama", "gemma3:4b", speaking(), `{"baseUrl":"%s"}`, `{}`, "ok", []string{"tools"}},
		{"it does not run", "openai", "gpt-5", nil, `{"baseUrl":"%s/v1"}`, wrongKey, "unknown", []string{"baseUrl"}},
	}
}

// written is a server of Anthropic's with two answers in words.
func written() http.Handler {
	s := anthropictest.New("sk-0123456789abcdef")
	ready := anthropictest.Answer{Blocks: []anthropictest.Block{anthropictest.Text("ready")}}
	s.Play(ready, ready)
	return s
}

// speaking is a server of Ollama's with an answer.
func speaking() http.Handler {
	s := ollamatest.New()
	s.Play(ollamatest.Answer{Text: "ready"})
	return s
}

// TestTrialsSayWhatToDo: each of the usual failures is told with its remedy, and a name that there is not with those that are near.
func TestTrialsSayWhatToDo(t *testing.T) {
	t.Parallel()
	k := stock(t, kerneltest.StateDir(t.TempDir()))
	l := k.Listen()
	for _, c := range trials() {
		url := "http://" + closed(t)
		if c.server != nil {
			server := httptest.NewServer(c.server)
			t.Cleanup(server.Close)
			url = server.URL
		}
		l.MustCall("plugins.configure", json.RawMessage(fmt.Sprintf(`{"id":%q,"config":%s,"secrets":%s}`, c.id, fmt.Sprintf(c.config, url), c.secrets)), nil)
		var r chat.ModelsTestResult
		l.MustCall("models.test", map[string]any{"model": c.id + "/" + c.model}, &r)
		if len(r.Trials) != 1 {
			t.Fatalf("%s of %s: %+v", c.name, c.id, r)
		}
		one := r.Trials[0]
		t.Logf("%s of %s: %s %s %s", c.name, c.id, one.KeyStatus, one.Problem, one.ToolsProblem)
		if one.KeyStatus != c.key {
			t.Errorf("%s of %s: the key is %s: %s", c.name, c.id, one.KeyStatus, one.Problem)
		}
		for _, want := range c.says {
			if !strings.Contains(one.Problem+one.ToolsProblem, want) {
				t.Errorf("%s of %s: %q does not say %s", c.name, c.id, one.Problem+one.ToolsProblem, want)
			}
		}
	}
}

// closed is an address where nobody listens.
func closed(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
