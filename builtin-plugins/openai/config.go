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
}

// newConfig reads the configuration. The gateway has checked it against the manifest's schema; a plugin may be run
// without one all the same, so what would do harm is refused here too.
func newConfig(raw wit.JSON) (*config, error) {
	c := &config{baseURL: defaultBaseURL, timeout: defaultTimeout}
	if len(raw) == 0 {
		return c, nil
	}
	value, err := json.Parse(raw)
	if err != nil {
		return nil, err
	}
	if base := strings.TrimRight(value.Get("baseUrl").Text(), "/"); base != "" {
		c.baseURL = base
	}
	if !strings.HasPrefix(c.baseURL, "https://") && !strings.HasPrefix(c.baseURL, "http://") {
		return nil, wit.NewError(wit.CodeInvalid, "openai: baseUrl has to begin with https:// or http://")
	}
	if timeout := value.Get("timeout").Int(); timeout > 0 {
		c.timeout = timeout
	}
	c.model = value.Get("model").Text()
	c.organization = value.Get("organization").Text()
	c.headers, c.opened = value.Get("headers"), value.Get("thinkingOpened")
	return c, nil
}

// atOpenAI reports whether the requests go to OpenAI itself, whose servers know more than the others.
func (c *config) atOpenAI() bool { return c.baseURL == defaultBaseURL }

// modelOf is the model that answers a chat.
func (c *config) modelOf(chat *wit.Chat) string {
	if chat.Model != "" {
		return chat.Model
	}
	return c.model
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
	request := &wit.HTTPRequest{ID: method + " " + path, Method: method, URL: c.baseURL + path}
	hasKey, err := host.HasCredential(keyName, "")
	if err != nil {
		return nil, err
	}
	switch {
	case hasKey:
		request.Headers = append(request.Headers, wit.Header{Name: "Authorization", Value: "Bearer {{credential:" + keyName + "}}"})
	case c.atOpenAI():
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
