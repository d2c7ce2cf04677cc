// Package openai is a model provider for OpenAI and for everything that speaks its chat completions:
// most hosted models, and the servers that run models at home.
//
// It turns a chat into a request and what comes of the stream into text, tool calls and usage. The
// gateway makes the request and fills in the key. Tool calls come in fragments, so what there is of
// them travels in the state from one chunk to the next.
package openai

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/provider"
	"github.com/carapace-gateway/carapace/wit"
)

const (
	defaultBaseURL = "https://api.openai.com/v1"
	keyName        = "api_key"
)

// Provider speaks chat completions. The zero value is ready to use.
type Provider struct{}

// New returns the provider.
func New() Provider { return Provider{} }

var (
	_ provider.Provider = Provider{}
	_ provider.Lister   = Provider{}
)

// Request plans the request that a chat is answered with.
func (Provider) Request(host *sdk.Host, chat *wit.Chat) (*wit.ProviderPlan, error) {
	c, err := newConfig(chat.Config)
	if err != nil {
		return nil, err
	}
	request, err := c.request(host, "POST", "/chat/completions")
	if err != nil {
		return nil, err
	}
	request.Text, request.Embed = new(string(c.body(chat))), embedded(chat)
	request.Headers = append(request.Headers,
		wit.Header{Name: "Content-Type", Value: "application/json"},
		wit.Header{Name: "Accept", Value: "text/event-stream"})
	return &wit.ProviderPlan{Request: request, Framing: wit.FramingSSE}, nil
}

// config is the owner's configuration.
type config struct {
	baseURL      string
	model        string
	organization string
	headers      json.Value
}

func newConfig(raw wit.JSON) (*config, error) {
	c := &config{baseURL: defaultBaseURL}
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
	c.model = value.Get("model").Text()
	c.organization = value.Get("organization").Text()
	c.headers = value.Get("headers")
	return c, nil
}

// atOpenAI reports whether the requests go to OpenAI itself, whose servers know more than the others.
func (c *config) atOpenAI() bool { return c.baseURL == defaultBaseURL }

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
		return nil, wit.NewError(wit.CodeUnauthorized, "openai: no key is set; set the credential "+keyName)
	}
	if c.organization != "" {
		request.Headers = append(request.Headers, wit.Header{Name: "OpenAI-Organization", Value: c.organization})
	}
	for name, value := range c.headers.Fields() {
		request.Headers = append(request.Headers, wit.Header{Name: name, Value: value.Text()})
	}
	return request, nil
}
