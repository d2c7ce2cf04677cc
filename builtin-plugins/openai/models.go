package openai

import (
	"math"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/sdk/go/wait"
	"github.com/carapace-gateway/carapace/wit"
)

// Models asks the server for its list, and reads it. OpenAI's has names only; what others add about a model is read too.
func (Provider) Models(host *sdk.Host, query *wit.ModelsQuery) (*wit.ModelsAnswer, error) {
	c, err := newConfig(query.Config)
	if err != nil {
		return nil, err
	}
	if query.Response == nil {
		request, err := c.request(host, "GET", "/models")
		if err != nil {
			return nil, err
		}
		return &wit.ModelsAnswer{Request: request}, nil
	}
	models, err := c.readModels(query.Response)
	if err != nil {
		return nil, err
	}
	return &wit.ModelsAnswer{Models: models}, nil
}

func (c *config) readModels(response *wit.HTTPResponse) ([]wit.Model, error) {
	body := texts.Of(response.Text)
	switch {
	case response.Error != nil:
		return nil, response.Error
	case response.Status != 200:
		return nil, failure(int64(response.Status), body, wait.Head(response.Headers))
	}
	list, err := json.ParseText(body)
	if err != nil || !list.Get("data").IsArray() {
		return nil, wit.NewError(wit.CodeUnavailable, "openai: the server's list of models cannot be read; check baseUrl")
	}
	var models []wit.Model
	for item := range list.Get("data").Items() {
		id := item.Get("id").Text()
		if id == "" || c.atOpenAI() && !converses(id) {
			continue
		}
		if !saysNo(item) {
			models = append(models, readModel(id, item))
		}
	}
	return models, nil
}

// readModel reads what a list says of a model. These fields exist:
//
//	OpenRouter  name, context_length, architecture.input_modalities, supported_parameters, top_provider.max_completion_tokens
//	Groq        context_window, max_completion_tokens
//	Mistral     name, max_context_length, capabilities
//	vLLM        max_model_len
//
// Of a model of which it says nothing, it is believed that it takes tools.
func readModel(id string, item json.Value) wit.Model {
	m := wit.Model{ID: id, Name: id, Tools: true}
	if name := item.Get("name").Text(); name != "" {
		m.Name = name
	}
	m.ContextWindow = firstCount(item.Get("context_length"), item.Get("context_window"), item.Get("max_context_length"), item.Get("max_model_len"))
	m.MaxOutput = firstCount(item.Get("top_provider", "max_completion_tokens"), item.Get("max_completion_tokens"))
	m.Images = has(item.Get("architecture", "input_modalities"), "image") || item.Get("capabilities", "vision").Bool()
	parameters := item.Get("supported_parameters")
	m.Reasoning = has(parameters, "reasoning") || item.Get("capabilities", "reasoning").Bool()
	if calls := item.Get("capabilities", "function_calling"); parameters.IsArray() && !has(parameters, "tools") || calls.Exists() && !calls.Bool() {
		m.Tools = false
	}
	return m
}

// saysNo reports whether a list says of a model that it does not converse.
func saysNo(item json.Value) bool {
	chats := item.Get("capabilities", "completion_chat")
	return chats.Exists() && !chats.Bool()
}

// firstCount is the first of the values that is a number above 0.
func firstCount(values ...json.Value) uint32 {
	for _, v := range values {
		if n := v.Int(); n > 0 {
			return uint32(min(n, math.MaxUint32))
		}
	}
	return 0
}

// has reports whether a list has a text in it.
func has(list json.Value, text string) bool {
	for item := range list.Items() {
		if item.Text() == text {
			return true
		}
	}
	return false
}

// converses tells OpenAI's models for conversation from those for sound, pictures and numbers.
func converses(id string) bool {
	for _, other := range []string{"audio", "realtime", "transcribe", "tts", "image", "embedding", "moderation", "instruct"} {
		if strings.Contains(id, other) {
			return false
		}
	}
	reasoning := len(id) > 1 && id[0] == 'o' && id[1] >= '0' && id[1] <= '9'
	return reasoning || strings.HasPrefix(id, "gpt-") || strings.HasPrefix(id, "chatgpt-")
}
