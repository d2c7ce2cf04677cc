package whisper

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/stt"
	"github.com/carapace-gateway/carapace/wit"
)

// openAIModel is asked for at OpenAI, which takes whisper-1 away on 26 February 2027 (developers.openai.com, "Deprecations", and the
// cookbook's "Migrate from Whisper to GPT-Transcribe"); other servers know whisper-1 as a name for what they have.
const (
	defaultBaseURL = "https://api.openai.com/v1"
	openAIModel    = "gpt-transcribe"
	otherModel     = "whisper-1"
	defaultTimeout = 120 // seconds
	keyName        = "api_key"
)

// config is the owner's configuration, which the gateway has checked against the manifest's schema.
type config struct {
	baseURL, model, language string
	timeout                  int64 // seconds
}

func newConfig(raw wit.JSON) (*config, error) {
	c := &config{baseURL: defaultBaseURL, model: openAIModel, timeout: defaultTimeout}
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
	if c.baseURL != defaultBaseURL {
		c.model = otherModel
	}
	if model := value.Get("model").Text(); model != "" {
		c.model = model
	}
	if timeout := value.Get("timeout").Int(); timeout > 0 {
		c.timeout = timeout
	}
	c.language = value.Get("language").Text()
	return c, nil
}

// request is the form that the server wants. It is asked for JSON, which all models have, and which is short. A server at
// home may need no key; OpenAI always does.
func (c *config) request(host *sdk.Host, recording *wit.Recording) (*wit.HTTPRequest, error) {
	request := &wit.HTTPRequest{ID: "transcribe", Method: "POST", URL: c.baseURL + "/audio/transcriptions", Timeout: c.timeout * 1000,
		Parts: []wit.HTTPPart{stt.Part("file", recording), field("model", c.model), field("response_format", "json")}}
	if c.language != "" {
		name := "language"
		if c.model == openAIModel { // it takes several
			name = "languages[]"
		}
		request.Parts = append(request.Parts, field(name, c.language))
	}
	hasKey, err := host.HasCredential(keyName, "")
	switch {
	case err != nil:
		return nil, err
	case hasKey:
		request.Headers = []wit.Header{{Name: "Authorization", Value: "Bearer {{credential:" + keyName + "}}"}}
	case c.baseURL == defaultBaseURL:
		return nil, wit.NewError(wit.CodeUnauthorized, "whisper: no key is set: `carapace setup whisper` asks for it; in a script, add --secret "+keyName+"=env:VARIABLE")
	}
	return request, nil
}

func field(name, text string) wit.HTTPPart { return wit.HTTPPart{Name: name, Text: &text} }
