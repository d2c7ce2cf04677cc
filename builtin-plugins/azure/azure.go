// Package azure says texts aloud at Azure's speech service, whose voices are those that Microsoft Edge reads pages with.
//
// It plans one request for a text, a page of SSML (ssml.go), whose response's body is the sound. The gateway makes it and fills in
// the key. Azure's list of voices, of some hundred kilobytes, is more than a plugin is given of a response: the manifest names those
// that are asked for most, and every other one can be chosen by its name.
package azure

import (
	"cmp"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/tts"
	"github.com/carapace-gateway/carapace/wit"
)

const (
	defaultVoice = "en-US-AvaMultilingualNeural"
	keyName      = "api_key"
	timeout      = 60_000 // milliseconds until the sound begins
)

// Speaker asks Azure. The zero value is ready to use.
type Speaker struct{}

// New returns the speaker.
func New() Speaker { return Speaker{} }

var _ tts.TTS = Speaker{}

// formats are Azure's names for what the manifest offers.
var formats = map[wit.SoundFormat]string{
	wit.SoundFormatMp3: "audio-24khz-96kbitrate-mono-mp3", wit.SoundFormatOpus: "ogg-24khz-16bit-mono-opus", wit.SoundFormatWav: "riff-24khz-16bit-mono-pcm",
}

// Synthesize plans the request that says a text aloud.
func (Speaker) Synthesize(host *sdk.Host, order *wit.SpeechOrder) (*wit.Speech, error) {
	config, err := read(order.Config)
	if err != nil {
		return nil, err
	}
	format, known := formats[order.Format]
	if !known {
		return nil, wit.NewError(wit.CodeInvalid, "azure: it speaks mp3, opus and wav, and not "+string(order.Format))
	}
	voice := cmp.Or(config.Get("voice").Text(), defaultVoice)
	if order.Voice != nil && *order.Voice != "" {
		voice = *order.Voice
	}
	if !isName(voice) {
		return nil, wit.NewError(wit.CodeInvalid, "azure: a voice is given by its short name, such as en-US-AvaMultilingualNeural")
	}
	request, err := request(host, config)
	if err != nil {
		return nil, err
	}
	page := ssml(order.Text, voice, order.Speed)
	request.Text, request.Timeout = &page, timeout
	request.Headers = append(request.Headers, wit.Header{Name: "Content-Type", Value: "application/ssml+xml"}, wit.Header{Name: "X-Microsoft-OutputFormat", Value: format})
	return tts.Request(request), nil
}

func read(raw wit.JSON) (json.Value, error) {
	if len(raw) == 0 {
		raw = wit.JSON("{}")
	}
	return json.Parse(raw)
}

// request is one to the service. A container at home needs no key.
func request(host *sdk.Host, config json.Value) (*wit.HTTPRequest, error) {
	has, err := host.HasCredential(keyName, "")
	if err != nil {
		return nil, err
	}
	base := strings.TrimRight(config.Get("baseUrl").Text(), "/")
	region := config.Get("region").Text()
	switch {
	case base == "" && region == "":
		return nil, wit.NewError(wit.CodeInvalid, "azure: set the region of your speech resource: `carapace setup azure`")
	case base == "" && !has:
		return nil, wit.NewError(wit.CodeUnauthorized, "azure: no key is set: `carapace setup azure` asks for it; in a script, add --secret "+keyName+"=env:VARIABLE")
	case base == "":
		base = "https://" + region + ".tts.speech.microsoft.com"
	}
	r := &wit.HTTPRequest{Method: "POST", URL: base + "/cognitiveservices/v1", Headers: []wit.Header{{Name: "User-Agent", Value: "carapace"}}}
	if has {
		r.Headers = append(r.Headers, wit.Header{Name: "Ocp-Apim-Subscription-Key", Value: "{{credential:" + keyName + "}}"})
	}
	return r, nil
}

// isName reports whether a voice's name can stand in SSML as it is.
func isName(voice string) bool {
	for i := range len(voice) {
		c := voice[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == ':') {
			return false
		}
	}
	return voice != "" && len(voice) <= 128
}
