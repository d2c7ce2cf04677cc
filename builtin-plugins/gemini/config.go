package gemini

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

const (
	defaultBaseURL = "https://generativelanguage.googleapis.com/v1beta"
	// defaultModel is Google's own name for the newest model of the kind that most people use.
	defaultModel   = "gemini-flash-latest"
	keyName        = "api_key"
	defaultTimeout = 600 // seconds, as long as a run of the gateway
)

// config is the owner's configuration.
type config struct {
	baseURL string
	model   string
	safety  string // the threshold in words of ours, empty for Google's
	timeout int64  // seconds until the first byte of an answer
	// pictures are asked for also of models whose name does not say that they make any.
	pictures bool
}

// newConfig reads the configuration. The gateway has checked it against the manifest's schema; a plugin may be run
// without one all the same, so what would do harm is refused here too.
func newConfig(raw wit.JSON) (*config, error) {
	c := &config{baseURL: defaultBaseURL, model: defaultModel, timeout: defaultTimeout}
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
		return nil, wit.NewError(wit.CodeInvalid, "gemini: baseUrl has to begin with https:// or http://")
	}
	if timeout := value.Get("timeout").Int(); timeout > 0 {
		c.timeout = timeout
	}
	if model := value.Get("model").Text(); model != "" {
		c.model = model
	}
	c.safety, c.pictures = value.Get("safety").Text(), value.Get("pictures").Bool()
	return c, nil
}

// draws reports whether a model is asked for pictures too.
func (c *config) draws(model string) bool { return c.pictures || isPainter(model) }

// isPainter reports whether a model makes pictures by its name. Such a one calls no functions, and cannot be told how much to
// think.
func isPainter(model string) bool { return strings.Contains(modelName(model), "-image") }

// modelOf is the model that answers: the one that was chosen, or the owner's.
func (c *config) modelOf(chosen string) string {
	if chosen != "" {
		return chosen
	}
	return c.model
}

// request is what all requests have in common. A server that stands before Google's may need no key of ours.
func (c *config) request(host *sdk.Host, method, path string) (*wit.HTTPRequest, error) {
	hasKey, err := host.HasCredential(keyName, "")
	if err != nil {
		return nil, err
	}
	request := &wit.HTTPRequest{ID: method, Method: method, URL: c.baseURL + path}
	switch {
	case hasKey:
		request.Headers = append(request.Headers, wit.Header{Name: "x-goog-api-key", Value: "{{credential:" + keyName + "}}"})
	case c.baseURL == defaultBaseURL:
		return nil, wit.NewError(wit.CodeUnauthorized, "gemini: no key is set: `carapace setup gemini` asks for it; in a script, add --secret "+keyName+"=env:VARIABLE")
	}
	return request, nil
}

// resource is a model as it stands in an address: models/gemini-2.5-pro, tunedModels/mine. What is not usual in a name is
// escaped, so that no name leads anywhere else.
func resource(model string) string {
	if !strings.HasPrefix(model, "models/") && !strings.HasPrefix(model, "tunedModels/") {
		model = "models/" + model
	}
	return form.Path(model)
}
