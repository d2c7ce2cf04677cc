package openai

import (
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// preset is what is known of a server that speaks chat completions, by its name in the configuration. The zero value is a
// server of which nothing is known.
type preset struct {
	id, name string
	// baseURL is where it is; one at home, or of an account of its own, is where the owner says, usual for instance.
	baseURL, usual string
	// model answers where none is chosen.
	model string
	// header carries the key, Authorization where it is empty.
	header string
	// renamed are fields by what they are called there; an empty name is a field that it refuses.
	renamed map[string]string
	// asks is how thinking is asked for.
	asks asking
	// told are parts of the names of models that can be told how much to think, all where there are none; untold are parts of
	// those that cannot.
	told, untold []string
	// noSchemas says that it takes no schema for an answer that is JSON: it is told in words.
	noSchemas bool
	// idLength is how long the ids of calls have to be; 0 is as long as they like.
	idLength int
	// keyless is a server at home, which may need no key.
	keyless bool
}

// asking is how thinking is asked for.
type asking int

const (
	byEffort   asking = iota // reasoning_effort, where there is to be any
	byObject                 // reasoning, an object with the effort
	byToggle                 // thinking, an object that says on or off
	byTemplate               // as byEffort, and off by a variable of the model's template
)

// presets are the servers that are known. Their hosts stand in the manifest's permission, and their ids in its schema. What
// they differ in is from the references of their APIs, in November 2026.
var presets = [...]preset{
	{id: "openrouter", name: "OpenRouter", baseURL: "https://openrouter.ai/api/v1", model: "openrouter/auto", asks: byObject},
	{id: "azure", name: "Azure OpenAI", usual: "https://RESOURCE.openai.azure.com/openai/v1", header: "api-key",
		renamed: map[string]string{"max_tokens": "max_completion_tokens"}},
	{id: "groq", name: "Groq", baseURL: "https://api.groq.com/openai/v1", model: "openai/gpt-oss-120b",
		renamed: map[string]string{"max_tokens": "max_completion_tokens"}, told: []string{"gpt-oss"}},
	{id: "mistral", name: "Mistral", baseURL: "https://api.mistral.ai/v1", model: "mistral-medium-latest",
		renamed: map[string]string{"stream_options": "", "seed": "random_seed", "reasoning_effort": ""}, idLength: 9},
	{id: "deepseek", name: "DeepSeek", baseURL: "https://api.deepseek.com/v1", model: "deepseek-flash", asks: byToggle, noSchemas: true},
	{id: "xai", name: "xAI", baseURL: "https://api.x.ai/v1", model: "grok-latest", untold: []string{"grok-3", "grok-4-", "grok-4.20", "grok-code"}},
	{id: "moonshot", name: "Kimi", baseURL: "https://api.moonshot.ai/v1", model: "kimi-k3",
		renamed: map[string]string{"max_tokens": "max_completion_tokens", "temperature": ""}, asks: byToggle, untold: []string{"k3", "code", "moonshot-v1"}, noSchemas: true},
	{id: "zai", name: "Z.ai", baseURL: "https://api.z.ai/api/paas/v4", model: "glm-5.2", renamed: map[string]string{"stream_options": ""}, asks: byToggle, noSchemas: true},
	{id: "together", name: "Together", baseURL: "https://api.together.xyz/v1", model: "openai/gpt-oss-120b", told: []string{"gpt-oss"}},
	{id: "vllm", name: "vLLM", usual: "http://localhost:8000/v1", asks: byTemplate, keyless: true},
	{id: "lmstudio", name: "LM Studio", usual: "http://localhost:1234/v1", keyless: true},
	{id: "llamacpp", name: "llama.cpp", usual: "http://localhost:8080/v1", asks: byTemplate, keyless: true},
}

// presetOf is the preset of this id; an unknown one is a server of which nothing is known.
func presetOf(id string) preset {
	if n := slices.IndexFunc(presets[:], func(p preset) bool { return p.id == id }); n >= 0 {
		return presets[n]
	}
	return preset{}
}

// field is what a field is called at the server, "" where it is refused.
func (p *preset) field(name string) string {
	if other, ok := p.renamed[name]; ok {
		return other
	}
	return name
}

// think adds how much the model is to think.
func (p *preset) think(body json.Object, model, level string) json.Object {
	names := func(part string) bool { return strings.Contains(strings.ToLower(model), part) }
	switch {
	case level == "" || slices.ContainsFunc(p.untold, names) || len(p.told) > 0 && !slices.ContainsFunc(p.told, names):
		return body
	case p.asks == byObject && level == "off":
		return body.Object("reasoning", func(o json.Object) json.Object { return o.Text("effort", "none") })
	case p.asks == byObject:
		return body.Object("reasoning", func(o json.Object) json.Object { return o.Text("effort", level) })
	case p.asks == byToggle && level == "off":
		return body.Object("thinking", func(o json.Object) json.Object { return o.Text("type", "disabled") })
	case p.asks == byToggle:
		return body.Object("thinking", func(o json.Object) json.Object { return o.Text("type", "enabled") })
	case p.asks == byTemplate && level == "off":
		return body.Object("chat_template_kwargs", func(o json.Object) json.Object { return o.Bool("enable_thinking", false) })
	}
	name := p.field("reasoning_effort")
	if level == "off" || name == "" {
		return body
	}
	return body.Text(name, level)
}

// inWords is what the system says of an answer that is JSON, where the server takes no schema.
func (p *preset) inWords(f *wit.AnswerFormat) string {
	if f == nil || !p.noSchemas {
		return ""
	}
	text := "\n\nAnswer with JSON alone, without a code fence."
	if len(f.Schema) > 0 {
		text += " It has to fit this JSON Schema: " + string(f.Schema)
	}
	return text
}
