package bedrocktest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestRefusals: the server refuses what the service does, of each kind of model.
func TestRefusals(t *testing.T) {
	const (
		said    = `"messages":[{"role":"user","content":[{"text":"hi"}]}]`
		pointed = `"messages":[{"role":"user","content":[{"text":"hi"},{"cachePoint":{"type":"default"}}]}]`
		budget  = `"inferenceConfig":{"maxTokens":4000},"additionalModelRequestFields":{"thinking":{"type":"enabled","budget_tokens":2048}},` + said
		adapts  = `"additionalModelRequestFields":{"thinking":{"type":"adaptive"},"output_config":{"effort":"low"}},` + said
		off     = `"additionalModelRequestFields":{"thinking":{"type":"disabled"}},` + said
		warm    = `"inferenceConfig":{"temperature":0.5},`
		tools   = `"toolConfig":{"tools":[{"toolSpec":{"name":"f","inputSchema":{"json":{"type":"object"}}}}%s]},`
		point   = `{"cachePoint":{"type":"default"}}`
		results = `"messages":[{"role":"user","content":[{"text":"hi"}]},{"role":"assistant","content":[{"toolUse":{"toolUseId":"t","name":"f","input":{}}}]},` +
			`{"role":"user","content":[{"toolResult":{"toolUseId":"t","content":[{"text":"1"}]}},` + point + `]}]`
	)
	many := func(n int) string { return `"system":[{"text":"x"}` + strings.Repeat(","+point, n-1) + `],` + pointed }
	for name, c := range map[string]struct {
		model, body string
		status      int
		why         string
	}{
		"a budget":                          {"anthropic.claude-sonnet-4-5-20250929-v1:0", budget, 200, ""},
		"a budget, of 4.6":                  {"anthropic.claude-opus-4-6-v1", budget, 200, ""},
		"a budget, of 4.7":                  {"anthropic.claude-opus-4-7", budget, 400, "thinking.type.enabled"},
		"a budget, of 5":                    {"us.anthropic.claude-sonnet-5", budget, 400, "thinking.type.enabled"},
		"a budget, of what cannot think":    {"anthropic.claude-3-sonnet-20240229-v1:0", budget, 400, "does not support thinking"},
		"a budget, of another maker's":      {"us.amazon.nova-pro-v1:0", budget, 400, "does not support thinking"},
		"a budget without room":             {"anthropic.claude-sonnet-4-5-20250929-v1:0", strings.Replace(budget, "4000", "2048", 1), 400, "max_tokens"},
		"adaptive":                          {"anthropic.claude-opus-4-7", adapts, 200, ""},
		"adaptive, of 4.5":                  {"anthropic.claude-sonnet-4-5-20250929-v1:0", adapts, 400, "thinking.type.adaptive"},
		"effort, of 4.5":                    {"anthropic.claude-opus-4-5-20251101-v1:0", `"additionalModelRequestFields":{"output_config":{"effort":"low"}},` + said, 400, "effort"},
		"off":                               {"us.anthropic.claude-sonnet-5", off, 200, ""},
		"off, of what always thinks":        {"anthropic.claude-opus-4-7", off, 400, "thinking.type.disabled"},
		"a temperature":                     {"anthropic.claude-opus-4-6-v1", warm + said, 200, ""},
		"a temperature beside thinking":     {"anthropic.claude-opus-4-6-v1", warm + adapts, 400, "temperature"},
		"a temperature where there is none": {"us.anthropic.claude-sonnet-5", warm + said, 400, "temperature"},
		"a temperature that is too high":    {"us.amazon.nova-pro-v1:0", strings.Replace(warm, "0.5", "1.5", 1) + said, 400, "temperature"},
		"a long answer":                     {"anthropic.claude-3-5-haiku-20241022-v1:0", `"inferenceConfig":{"maxTokens":9000},` + said, 400, "maximum tokens"},
		"four points":                       {"us.amazon.nova-pro-v1:0", many(4), 200, ""},
		"five points":                       {"us.amazon.nova-pro-v1:0", many(5), 400, "maximum of 4"},
		"a point of what keeps nothing":     {"meta.llama3-3-70b-instruct-v1:0", pointed, 403, "prompt caching"},
		"a point of an old Claude":          {"anthropic.claude-3-5-sonnet-20240620-v1:0", pointed, 403, "prompt caching"},
		"a point at tools":                  {"anthropic.claude-opus-4-7", fmt.Sprintf(tools, ","+point) + said, 200, ""},
		"a point at tools, of Nova":         {"us.amazon.nova-pro-v1:0", fmt.Sprintf(tools, ","+point) + said, 400, "#/toolConfig/tools/1: extraneous key [cachePoint]"},
		"a point at results":                {"anthropic.claude-opus-4-7", fmt.Sprintf(tools, "") + results, 200, ""},
		"a point at results, of Nova":       {"us.amazon.nova-lite-v1:0", fmt.Sprintf(tools, "") + results, 400, "#/messages/2/content/1: extraneous key [cachePoint]"},
	} {
		r := httptest.NewRequest(http.MethodPost, "/model/"+c.model+"/converse-stream", strings.NewReader("{"+c.body+"}"))
		r.Header.Set("Authorization", "Bearer "+APIKey)
		w := httptest.NewRecorder()
		New(Says("ok")).ServeHTTP(w, r)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.why) {
			t.Errorf("%s: %d %q, want %d and %q", name, w.Code, w.Body, c.status, c.why)
		}
	}
}
