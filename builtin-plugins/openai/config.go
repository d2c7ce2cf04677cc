package openai

import (
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

const (
	defaultBaseURL = "https://api.openai.com/v1"
	keyName        = "api_key"
	// defaultTimeout, in seconds, is long enough for a model at home that is read from the disk first. A run of the
	// gateway does not take longer either.
	defaultTimeout = 600
)

// config is the owner's configuration.
type config struct {
	baseURL      string
	model        string
	organization string
	timeout      int64 // seconds until the first byte of an answer
	headers      json.Value
	opened       json.Value // absent leaves it to the model's name
	preset       preset
	apiVersion   string // of Azure
	api          string // the owner's choice: chatAPI, responsesAPI, or "" for what suits the server
	summaries    bool   // of reasoning, which the Responses API gives when asked
	pictures     bool   // which it makes likewise

	speechModel, speechVoice, speechInstructions string
}

// newConfig reads the configuration. The gateway has checked it against the manifest's schema; a plugin may be run
// without one all the same, so what would do harm is refused here too.
func newConfig(raw wit.JSON) (*config, error) {
	c := &config{baseURL: defaultBaseURL, timeout: defaultTimeout, speechVoice: defaultVoice}
	if len(raw) == 0 {
		return c, nil
	}
	value, err := json.Parse(raw)
	if err != nil {
		return nil, err
	}
	if err := c.at(value.Get("preset").Text(), strings.TrimRight(value.Get("baseUrl").Text(), "/")); err != nil {
		return nil, err
	}
	c.apiVersion = value.Get("apiVersion").Text()
	if !strings.HasPrefix(c.baseURL, "https://") && !strings.HasPrefix(c.baseURL, "http://") {
		return nil, wit.NewError(wit.CodeInvalid, "openai: baseUrl has to begin with https:// or http://")
	}
	if timeout := value.Get("timeout").Int(); timeout > 0 {
		c.timeout = timeout
	}
	if voice := value.Get("speechVoice").Text(); voice != "" {
		c.speechVoice = voice
	}
	c.speechModel, c.speechInstructions = value.Get("speechModel").Text(), value.Get("speechInstructions").Text()
	if c.model = value.Get("model").Text(); c.model == "" {
		c.model = c.preset.model
	}
	c.organization = value.Get("organization").Text()
	c.api, c.summaries = value.Get("api").Text(), value.Get("reasoningSummary").Bool()
	c.pictures = value.Get("pictures").Bool()
	c.headers, c.opened = value.Get("headers"), value.Get("thinkingOpened")
	return c, nil
}

// at takes up where the server is: where the owner says, or where one of this name is.
func (c *config) at(name, baseURL string) error {
	if name != "" {
		c.preset = presetOf(name)
		if baseURL == defaultBaseURL {
			baseURL = "" // it is what stands there when nothing was chosen
		}
	}
	switch {
	case baseURL != "":
		c.baseURL = baseURL
	case c.preset.baseURL != "":
		c.baseURL = c.preset.baseURL
	case c.preset.usual != "":
		return wit.NewError(wit.CodeInvalid, "openai: set baseUrl to where "+c.preset.name+" is, such as "+c.preset.usual)
	}
	return nil
}

// atOpenAI reports whether the requests go to OpenAI itself, whose servers know more than the others.
func (c *config) atOpenAI() bool { return c.baseURL == defaultBaseURL }

// byResponses reports whether a chat is asked by the Responses API, not by chat completions: where the owner says so, and at OpenAI itself, whose
// newer models call tools and reason with that API alone ("Using GPT-6"), unless the chat asks for what it does not know: texts that end the answer, or
// a seed.
func (c *config) byResponses(chat *wit.Chat) bool {
	return c.api == responsesAPI || c.api == "" && c.atOpenAI() && len(chat.Stop) == 0 && chat.Seed == nil
}

// modelOf is the model that answers a chat.
func (c *config) modelOf(chat *wit.Chat) string {
	if chat.Model != "" {
		return chat.Model
	}
	return c.model
}

// bridges reports whether a server refuses a user that follows the results of tools: Mistral's, and others that serve its models,
// answer "Unexpected role 'user' after role 'tool'".
func (c *config) bridges(model string) bool {
	name := bare(model)
	return c.preset.id == "mistral" || strings.Contains(name, "stral") || strings.Contains(name, "pixtral")
}

// openers are parts of the names of models whose templates open the thinking: DeepSeek R1, QwQ, MiniMax M2, and the models of
// several makers that are called -Think or -Thinking since they cannot do without.
var openers = [...]string{"deepseek-r1", "qwq", "minimax-m2", "-think"}

// opens reports whether the answer to a chat begins inside of the thinking: as the owner says, or by the model's name. A
// server that gives the thinking in a field shows by it that it does not.
func (c *config) opens(chat *wit.Chat) bool {
	if c.opened.Exists() {
		return c.opened.Bool()
	}
	name := strings.ToLower(c.modelOf(chat))
	return chat.Thinking != "off" && slices.ContainsFunc(openers[:], func(part string) bool { return strings.Contains(name, part) })
}

// request is what all requests have in common. A server at home may need no key; OpenAI always does.
func (c *config) request(host *sdk.Host, method, path string) (*wit.HTTPRequest, error) {
	request := &wit.HTTPRequest{ID: method + " " + path, Method: method, URL: c.baseURL + path + c.version()}
	hasKey, err := host.HasCredential(keyName, "")
	if err != nil {
		return nil, err
	}
	const key = "{{credential:" + keyName + "}}"
	switch {
	case hasKey && c.preset.header != "":
		request.Headers = append(request.Headers, wit.Header{Name: c.preset.header, Value: key})
	case hasKey:
		request.Headers = append(request.Headers, wit.Header{Name: "Authorization", Value: "Bearer " + key})
	case c.atOpenAI() || c.preset.name != "" && !c.preset.keyless:
		return nil, wit.NewError(wit.CodeUnauthorized, "openai: no key is set: `carapace setup openai` asks for it; in a script, add --secret "+keyName+"=env:VARIABLE")
	}
	if c.organization != "" {
		request.Headers = append(request.Headers, wit.Header{Name: "OpenAI-Organization", Value: c.organization})
	}
	for name, value := range c.headers.Fields() {
		request.Headers = append(request.Headers, wit.Header{Name: name, Value: value.Text()})
	}
	return request, nil
}

// version is the query that says which version of the API is asked, where the address does not: Azure's, for which an
// address of a deployment needs one.
func (c *config) version() string {
	version := c.apiVersion
	if version == "" && c.preset.id == "azure" && strings.Contains(c.baseURL, "/deployments/") {
		version = "2024-10-21"
	}
	if version == "" {
		return ""
	}
	return "?api-version=" + version
}
