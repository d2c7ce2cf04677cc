package anthropic

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

const (
	defaultBaseURL = "https://api.anthropic.com"
	keyName        = "api_key"
	tokenName      = "auth_token"
	// apiVersion is the one that all servers know and that takes a temperature, which 2026-10-21 does not. What has come since
	// is added by betas.
	apiVersion = "2023-06-01"
	// oauthBeta goes with a token in place of a key at Anthropic.
	oauthBeta = "oauth-2025-04-20"
	// defaultTimeout is in seconds. A run of the gateway does not take longer either.
	defaultTimeout = 600
)

// config is the owner's configuration.
type config struct {
	baseURL string
	model   string
	timeout int64  // seconds until the first byte of an answer
	most    int64  // tokens of an answer where nobody says how many; 0 leaves it to what is known of the model
	cache   string // how long the beginning of a request is to be kept: 5m, 1h or off
	headers json.Value
}

// newConfig reads the configuration. The gateway has checked it against the manifest's schema; a plugin may be run
// without one all the same, so what would do harm is refused here too.
func newConfig(raw wit.JSON) (*config, error) {
	c := &config{baseURL: defaultBaseURL, timeout: defaultTimeout, cache: "5m"}
	if len(raw) == 0 {
		return c, nil
	}
	value, err := json.Parse(raw)
	if err != nil {
		return nil, err
	}
	// The client libraries have it without the version, people with it.
	if base := strings.TrimSuffix(strings.TrimRight(value.Get("baseUrl").Text(), "/"), "/v1"); base != "" {
		c.baseURL = base
	}
	if !strings.HasPrefix(c.baseURL, "https://") && !strings.HasPrefix(c.baseURL, "http://") {
		return nil, wit.NewError(wit.CodeInvalid, "anthropic: baseUrl has to begin with https:// or http://")
	}
	if timeout := value.Get("timeout").Int(); timeout > 0 {
		c.timeout = timeout
	}
	if cache := value.Get("cache").Text(); cache != "" {
		c.cache = cache
	}
	c.most = max(value.Get("maxTokens").Int(), 0)
	c.model, c.headers = value.Get("model").Text(), value.Get("headers")
	return c, nil
}

// atAnthropic reports whether the requests go to Anthropic itself, which asks for a key and checks signatures.
func (c *config) atAnthropic() bool { return c.baseURL == defaultBaseURL }

// modelOf is the model that answers a chat.
func (c *config) modelOf(chat *wit.Chat) string {
	if chat.Model != "" {
		return chat.Model
	}
	return c.model
}

// request is what all requests have in common.
func (c *config) request(host *sdk.Host, method, path string, betas ...string) (*wit.HTTPRequest, error) {
	request := &wit.HTTPRequest{ID: method + " " + path, Method: method, URL: c.baseURL + path}
	proof, isToken, err := c.proof(host)
	if err != nil {
		return nil, err
	}
	if proof.Name != "" {
		request.Headers = append(request.Headers, proof)
	}
	request.Headers = append(request.Headers, wit.Header{Name: "anthropic-version", Value: apiVersion})
	if isToken && c.atAnthropic() {
		betas = append(betas, oauthBeta)
	}
	for name, value := range c.headers.Fields() {
		if strings.EqualFold(name, betaHeader) {
			betas = append(betas, value.Text()) // one header has them all
			continue
		}
		request.Headers = append(request.Headers, wit.Header{Name: name, Value: value.Text()})
	}
	if len(betas) > 0 {
		request.Headers = append(request.Headers, wit.Header{Name: betaHeader, Value: strings.Join(betas, ",")})
	}
	return request, nil
}

// betaHeader names what of the API a request wants that not every version has.
const betaHeader = "anthropic-beta"

// proof is the header that says who asks: a key, or a token, which counts where there are both since a key is what most have
// first. A server of one's own may ask for neither.
func (c *config) proof(host *sdk.Host) (h wit.Header, isToken bool, err error) {
	hasToken, err := host.HasCredential(tokenName, "")
	if err != nil {
		return h, false, err
	}
	if hasToken {
		return wit.Header{Name: "Authorization", Value: "Bearer {{credential:" + tokenName + "}}"}, true, nil
	}
	hasKey, err := host.HasCredential(keyName, "")
	switch {
	case err != nil:
		return h, false, err
	case hasKey:
		return wit.Header{Name: "x-api-key", Value: "{{credential:" + keyName + "}}"}, false, nil
	case c.atAnthropic():
		return h, false, wit.NewError(wit.CodeUnauthorized, "anthropic: no key is set: `carapace setup anthropic` asks for it; in a script, add --secret "+keyName+"=env:VARIABLE")
	}
	return h, false, nil
}
