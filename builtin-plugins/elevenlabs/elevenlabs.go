// Package elevenlabs says texts aloud at ElevenLabs.
//
// It plans one request for a text, whose response's body is the sound, and one for the list of voices (voices.go). The gateway
// makes them and fills in the key.
package elevenlabs

import (
	"cmp"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/tts"
	"github.com/carapace-gateway/carapace/wit"
)

// defaultVoice is George, by whom ElevenLabs' own client libraries speak in their examples (elevenlabs-js 2.73); Rachel, by whom they did
// before, was taken away in 2026.
const (
	defaultBaseURL = "https://api.elevenlabs.io"
	defaultModel   = "eleven_multilingual_v2"
	defaultVoice   = "JBFqnCBsd6RMkjVDRZzb"
	keyName        = "api_key"
	timeout        = 60_000 // milliseconds until the sound begins
)

// Speaker asks ElevenLabs. The zero value is ready to use.
type Speaker struct{}

// New returns the speaker.
func New() Speaker { return Speaker{} }

var (
	_ tts.TTS    = Speaker{}
	_ tts.Lister = Speaker{}
)

// formats are ElevenLabs' names for what the manifest offers: opus comes in an Ogg file.
var formats = map[wit.SoundFormat]string{wit.SoundFormatMp3: "mp3_44100_128", wit.SoundFormatOpus: "opus_48000_64"}

// Synthesize plans the request that says a text aloud.
func (Speaker) Synthesize(host *sdk.Host, order *wit.SpeechOrder) (*wit.Speech, error) {
	config, err := read(order.Config)
	if err != nil {
		return nil, err
	}
	format, known := formats[order.Format]
	if !known {
		return nil, wit.NewError(wit.CodeInvalid, "elevenlabs: it speaks mp3 and opus, and not "+string(order.Format))
	}
	voice := cmp.Or(config.Get("voice").Text(), defaultVoice)
	if order.Voice != nil && *order.Voice != "" {
		voice = *order.Voice
	}
	if !isID(voice) {
		return nil, wit.NewError(wit.CodeInvalid, "elevenlabs: a voice is given by its id, of letters and digits: `carapace voice voices` lists them")
	}
	request, err := request(host, config, "POST", "/v1/text-to-speech/"+voice+"?output_format="+format)
	if err != nil {
		return nil, err
	}
	request.JSON, request.Timeout = body(config, order), timeout
	return tts.Request(request), nil
}

// body has the voice's settings only where the owner or the order has them: a setting that is sent replaces the voice's own.
func body(config json.Value, order *wit.SpeechOrder) wit.JSON {
	o := json.Object{}.Text("text", order.Text).Text("model_id", cmp.Or(config.Get("model").Text(), defaultModel))
	settings, set := json.Object{}, false
	if v := config.Get("stability"); v.Exists() {
		settings, set = settings.Float("stability", v.Float()), true
	}
	if v := config.Get("similarity"); v.Exists() {
		settings, set = settings.Float("similarity_boost", v.Float()), true
	}
	if order.Speed != 0 && order.Speed != wit.SpeechOrderSpeedDefault {
		// ElevenLabs takes 0.7 to 1.2.
		settings, set = settings.Float("speed", min(max(float64(order.Speed)/100, 0.7), 1.2)), true
	}
	if set {
		o = o.Raw("voice_settings", settings.JSON())
	}
	return o.JSON()
}

func read(raw wit.JSON) (json.Value, error) {
	if len(raw) == 0 {
		raw = wit.JSON("{}")
	}
	return json.Parse(raw)
}

// request is what both requests have in common.
func request(host *sdk.Host, config json.Value, method, path string) (*wit.HTTPRequest, error) {
	has, err := host.HasCredential(keyName, "")
	if err != nil {
		return nil, err
	}
	base := cmp.Or(strings.TrimRight(config.Get("baseUrl").Text(), "/"), defaultBaseURL)
	r := &wit.HTTPRequest{Method: method, URL: base + path}
	switch {
	case has:
		r.Headers = []wit.Header{{Name: "xi-api-key", Value: "{{credential:" + keyName + "}}"}}
	case base == defaultBaseURL:
		return nil, wit.NewError(wit.CodeUnauthorized, "elevenlabs: no key is set: `carapace setup elevenlabs` asks for it; in a script, add --secret "+keyName+"=env:VARIABLE")
	}
	return r, nil
}

// isID reports whether a voice can stand in an address as it is.
func isID(voice string) bool {
	for i := range len(voice) {
		c := voice[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-') {
			return false
		}
	}
	return voice != "" && len(voice) <= 128
}
