package openai_test

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/openai"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestPresets: where the server is and how it takes the key; what the owner says counts more. What each is asked is in
// testdata/presets.jsonl.
func TestPresets(t *testing.T) {
	for config, want := range map[string]string{
		`{"preset":"groq"}`: "https://api.groq.com/openai/v1/chat/completions Authorization: Bearer {{credential:api_key}}",
		`{"preset":"groq","baseUrl":"https://api.openai.com/v1"}`:                                                      "https://api.groq.com/openai/v1/chat/completions Authorization: Bearer {{credential:api_key}}",
		`{"preset":"mistral","baseUrl":"http://proxy/v1/"}`:                                                            "http://proxy/v1/chat/completions Authorization: Bearer {{credential:api_key}}",
		`{"preset":"azure","baseUrl":"https://r.openai.azure.com/openai/v1"}`:                                          "https://r.openai.azure.com/openai/v1/chat/completions api-key: {{credential:api_key}}",
		`{"preset":"azure","baseUrl":"https://r.openai.azure.com/openai/deployments/d"}`:                               "https://r.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-10-21 api-key: {{credential:api_key}}",
		`{"preset":"azure","baseUrl":"https://r.openai.azure.com/openai/v1","apiVersion":"preview","api":"responses"}`: "https://r.openai.azure.com/openai/v1/responses?api-version=preview api-key: {{credential:api_key}}",
		`{"preset":"lmstudio","baseUrl":"http://localhost:1234/v1"}`:                                                   "http://localhost:1234/v1/chat/completions Authorization: Bearer {{credential:api_key}}",
	} {
		request := plan(t, &sdktest.Host{Credentials: key}, &wit.Chat{Config: wit.JSON(config)})
		if got := request.URL + " " + request.Headers[0].Name + ": " + request.Headers[0].Value; got != want {
			t.Errorf("%s:\n%s\nwant\n%s", config, got, want)
		}
	}
	for config, want := range map[string]string{
		`{"preset":"vllm"}`:  "openai: set baseUrl to where vLLM is, such as http://localhost:8000/v1",
		`{"preset":"azure"}`: "openai: set baseUrl to where Azure OpenAI is",
		`{"preset":"groq"}`:  "openai: no key is set",
		`{"preset":"azure","baseUrl":"https://r.openai.azure.com/openai/v1"}`: "openai: no key is set",
		`{"preset":"llamacpp","baseUrl":"http://localhost:8080/v1"}`:          "",
	} {
		_, err := openai.New().Request((&sdktest.Host{}).SDK(), &wit.Chat{Config: wit.JSON(config)})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", config, err)
		}
	}
}

// TestThinkingOfPresets: how each is told how much to think.
func TestThinkingOfPresets(t *testing.T) {
	for _, c := range []struct{ preset, model, level, want string }{
		{"openrouter", "m", "low", `"reasoning":{"effort":"low"}`}, {"openrouter", "m", "off", `"reasoning":{"effort":"none"}`},
		{"deepseek", "m", "high", `"thinking":{"type":"enabled"}`}, {"zai", "m", "off", `"thinking":{"type":"disabled"}`},
		{"vllm", "m", "off", `"chat_template_kwargs":{"enable_thinking":false}`}, {"vllm", "m", "low", `"reasoning_effort":"low"`},
		{"groq", "openai/gpt-oss-20b", "low", `"reasoning_effort":"low"`}, {"groq", "llama-3.3-70b", "low", ``}, {"groq", "openai/gpt-oss-20b", "off", ``},
		{"moonshot", "kimi-k2.6", "off", `"thinking":{"type":"disabled"}`}, {"moonshot", "kimi-k3", "off", ``}, {"xai", "grok-4.5", "high", `"reasoning_effort":"high"`}, {"xai", "grok-4.20-multi-agent", "high", ``},
		{"mistral", "m", "high", ``}, {"lmstudio", "m", "off", ``}, {"openrouter", "m", "", ``},
	} {
		chat := &wit.Chat{Model: c.model, Thinking: c.level, Config: wit.JSON(`{"preset":"` + c.preset + `","baseUrl":"http://x/v1"}`)}
		sent := string(body(t, plan(t, &sdktest.Host{Credentials: key}, chat)).Raw())
		words := strings.Contains(sent, "think") || strings.Contains(sent, "reasoning")
		if c.want == "" && words || !strings.Contains(sent, c.want) {
			t.Errorf("%s %s %s: %s", c.preset, c.model, c.level, sent)
		}
	}
}
