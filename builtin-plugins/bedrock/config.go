package bedrock

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// The credentials: an API key of Bedrock, or the keys of an account.
const (
	apiKey       = "api_key"
	accessKey    = "access_key"
	secretKey    = "secret_key"
	sessionToken = "session_token"
)

// config is the owner's configuration.
type config struct {
	region           string
	runtime, control string // the addresses of the two services: that answers, and that lists
	model            string
	timeout          int64  // seconds until the first byte of an answer
	cache            string // whether models keep the beginnings of requests: on or off
}

func newConfig(raw wit.JSON) (*config, error) {
	c := &config{region: "us-east-1", timeout: 600, cache: "on"}
	value := json.Value{}
	if len(raw) > 0 {
		var err error
		if value, err = json.Parse(raw); err != nil {
			return nil, err
		}
	}
	if region := value.Get("region").Text(); region != "" {
		c.region = region
	}
	c.runtime = "https://bedrock-runtime." + c.region + ".amazonaws.com"
	c.control = "https://bedrock." + c.region + ".amazonaws.com"
	if base := strings.TrimRight(value.Get("baseUrl").Text(), "/"); base != "" {
		if !strings.HasPrefix(base, "https://") && !strings.HasPrefix(base, "http://") {
			return nil, wit.NewError(wit.CodeInvalid, "bedrock: baseUrl has to begin with https:// or http://")
		}
		c.runtime, c.control = base, base
	}
	if timeout := value.Get("timeout").Int(); timeout > 0 {
		c.timeout = timeout
	}
	if cache := value.Get("cache").Text(); cache != "" {
		c.cache = cache
	}
	c.model = value.Get("model").Text()
	return c, nil
}

// request is what all requests have in common: an API key, or a signature by the gateway.
func (c *config) request(host *sdk.Host, method, url string) (*wit.HTTPRequest, error) {
	request := &wit.HTTPRequest{ID: method, Method: method, URL: url}
	has := map[string]bool{}
	for _, name := range [...]string{apiKey, accessKey, secretKey, sessionToken} {
		there, err := host.HasCredential(name, "")
		if err != nil {
			return nil, err
		}
		has[name] = there
	}
	switch {
	case has[apiKey]:
		request.Headers = append(request.Headers, wit.Header{Name: "Authorization", Value: "Bearer {{credential:" + apiKey + "}}"})
	case has[accessKey] && has[secretKey]:
		request.SigV4 = &wit.SigV4{AccessKey: accessKey, SecretKey: secretKey, Region: c.region, Service: "bedrock"}
		if has[sessionToken] {
			request.SigV4.SessionToken = new(sessionToken)
		}
	default:
		return nil, wit.NewError(wit.CodeUnauthorized, "bedrock: no key is set: `carapace setup bedrock` asks for an API key, or for an access key and its secret")
	}
	return request, nil
}
