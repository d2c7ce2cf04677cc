package openai

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/tts"
	"github.com/carapace-gateway/carapace/wit"
)

const (
	defaultSpeechModel = "gpt-4o-mini-tts"
	defaultVoice       = "alloy"
	// speechTimeout, in milliseconds, is for the first byte of a sound.
	speechTimeout = 60_000
)

// Synthesize plans the request that says a text aloud. A server other than OpenAI's may have no speech: it is asked once its
// speech model is named.
func (Provider) Synthesize(host *sdk.Host, order *wit.SpeechOrder) (*wit.Speech, error) {
	c, err := newConfig(order.Config)
	if err != nil {
		return nil, err
	}
	model, voice := c.speechModel, c.speechVoice
	switch {
	case model != "":
	case c.atOpenAI():
		model = defaultSpeechModel
	default:
		return nil, wit.NewError(wit.CodeUnavailable, "openai: whether the server of baseUrl speaks is not known: name its speechModel, or choose who speaks with `carapace voice provider`")
	}
	if order.Voice != nil && *order.Voice != "" {
		voice = *order.Voice
	}
	request, err := c.request(host, "POST", "/audio/speech")
	if err != nil {
		return nil, err
	}
	body := json.Object{}.Text("model", model).Text("input", order.Text).Text("voice", voice).Text("response_format", string(order.Format))
	if order.Speed != 0 && order.Speed != wit.SpeechOrderSpeedDefault {
		body = body.Float("speed", float64(order.Speed)/100)
	}
	if c.speechInstructions != "" && !strings.HasPrefix(model, "tts-1") {
		body = body.Text("instructions", c.speechInstructions)
	}
	request.JSON, request.Timeout = body.JSON(), speechTimeout
	return tts.Request(request), nil
}
