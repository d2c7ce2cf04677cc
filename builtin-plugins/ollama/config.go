package ollama

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

const (
	keyName = "api_key"
	// cloud runs models for those who have an account.
	cloud = "https://ollama.com"
	// defaultContext is how many tokens a model reads: what is more takes memory that not every machine has, and what is less
	// is short for a conversation with tools. A model that was loaded with another number is loaded again, so it is always the
	// same one.
	defaultContext = 16384
	// defaultTimeout, in seconds, is long enough for a model that is read from the disk first. A run of the gateway does not
	// take longer either.
	defaultTimeout = 600
)

// config is the owner's configuration.
type config struct {
	baseURL   string
	model     string
	context   int64  // tokens
	keepAlive string // how long a model stays loaded; empty leaves it to the server
	timeout   int64  // seconds until the first byte of an answer
	options   json.Value
	headers   json.Value
}

// newConfig reads the configuration. The gateway has checked it against the manifest's schema; a plugin may be run
// without one all the same, so what would do harm is refused here too.
func newConfig(raw wit.JSON) (*config, error) {
	c := &config{context: defaultContext, timeout: defaultTimeout}
	var value json.Value
	if len(raw) > 0 {
		var err error
		if value, err = json.Parse(raw); err != nil {
			return nil, err
		}
	}
	c.baseURL = strings.TrimSuffix(strings.TrimRight(value.Get("baseUrl").Text(), "/"), "/api")
	switch {
	case c.baseURL == "":
		return nil, wit.NewError(wit.CodeInvalid, "ollama: no server is named: `carapace setup ollama` asks for its address, which is http://localhost:11434 on this machine")
	case !strings.HasPrefix(c.baseURL, "https://") && !strings.HasPrefix(c.baseURL, "http://"):
		return nil, wit.NewError(wit.CodeInvalid, "ollama: baseUrl has to begin with https:// or http://")
	case strings.HasSuffix(c.baseURL, "/v1"): // a plugin may not leave the path that its owner names
		return nil, wit.NewError(wit.CodeInvalid, "ollama: baseUrl is the server's address without /v1, where it has the API that is like OpenAI's")
	}
	if n := value.Get("contextLength").Int(); n > 0 {
		c.context = n
	}
	if n := value.Get("timeout").Int(); n > 0 {
		c.timeout = n
	}
	c.model, c.keepAlive = value.Get("model").Text(), value.Get("keepAlive").Text()
	c.options, c.headers = value.Get("options"), value.Get("headers")
	return c, nil
}

// modelOf is the model that answers a chat.
func (c *config) modelOf(chat *wit.Chat) string {
	if chat.Model != "" {
		return chat.Model
	}
	return c.model
}

// remote reports whether a model runs elsewhere, where nobody's memory is short.
func (c *config) remote(model string) bool {
	return c.baseURL == cloud || strings.HasSuffix(model, "-cloud") || strings.HasSuffix(model, ":cloud")
}

// request is what all requests have in common. A server at home needs no key.
func (c *config) request(host *sdk.Host, method, path string) (*wit.HTTPRequest, error) {
	request := &wit.HTTPRequest{ID: method + " " + path, Method: method, URL: c.baseURL + path}
	hasKey, err := host.HasCredential(keyName, "")
	switch {
	case err != nil:
		return nil, err
	case hasKey:
		request.Headers = append(request.Headers, wit.Header{Name: "Authorization", Value: "Bearer {{credential:" + keyName + "}}"})
	case c.baseURL == cloud:
		return nil, wit.NewError(wit.CodeUnauthorized, "ollama: no key is set: `carapace setup ollama` asks for it; in a script, add --secret "+keyName+"=env:VARIABLE")
	}
	for name, value := range c.headers.Fields() {
		request.Headers = append(request.Headers, wit.Header{Name: name, Value: value.Text()})
	}
	return request, nil
}

// stay adds how long the model stays loaded: a text such as 10m, or a number of seconds, of which -1 is for ever.
func (c *config) stay(body json.Object) json.Object {
	if c.keepAlive == "" {
		return body
	}
	if n, err := json.ParseText(c.keepAlive); err == nil && !n.IsText() {
		return body.Int("keep_alive", n.Int())
	}
	return body.Text("keep_alive", c.keepAlive)
}
