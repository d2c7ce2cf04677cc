package talk

import (
	"context"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/service/tts"
	"github.com/carapace-gateway/carapace/wit"
)

// SpeakParams are a text to be said. What a voice has beside its speed is the plugin's affair, and is not heeded.
type SpeakParams struct {
	Text    string `json:"text" rpc:"required,min=1,max=65536"`
	VoiceID string `json:"voiceId,omitempty" rpc:"max=1024"`
	ModelID string `json:"modelId,omitempty" rpc:"max=256"`
	// OutputFormat is mp3, opus, wav, flac or aac, which a rate may follow (mp3_44100_128); left out, it is what whoever speaks has.
	OutputFormat string `json:"outputFormat,omitempty" rpc:"max=64"`
	// Speed is 1 as the voice speaks, from 0.25 to 4.
	Speed float64 `json:"speed,omitempty" rpc:"min=0,max=4"`
	// RateWPM is the speed in words a minute, of which 175 are usual.
	RateWPM      int     `json:"rateWpm,omitempty" rpc:"min=1"`
	Stability    float64 `json:"stability,omitempty" rpc:"min=0"`
	Similarity   float64 `json:"similarity,omitempty" rpc:"min=0"`
	Style        float64 `json:"style,omitempty" rpc:"min=0"`
	SpeakerBoost bool    `json:"speakerBoost,omitempty"`
	Seed         int     `json:"seed,omitempty" rpc:"min=0"`
	Normalize    string  `json:"normalize,omitempty" rpc:"max=64"`
	Language     string  `json:"language,omitempty" rpc:"max=64"`
	LatencyTier  int     `json:"latencyTier,omitempty" rpc:"min=0"`
}

// usualRate is how many words a minute a voice speaks by itself.
const usualRate = 175

func (s *Service) speak(ctx context.Context, p SpeakParams) (tts.SpeakResult, error) {
	o := tts.Order{Text: p.Text, Format: wit.SoundFormatMp3, Voice: p.VoiceID}
	if p.OutputFormat != "" {
		format, err := format(p.OutputFormat)
		if err != nil {
			return tts.SpeakResult{}, err
		}
		o.Format, o.Exactly = format, true
	}
	speed := p.Speed
	if speed == 0 && p.RateWPM > 0 {
		speed = float64(p.RateWPM) / usualRate
	}
	if speed != 0 {
		o.Speed = uint32(min(max(speed*100, wit.SpeechOrderSpeedMin), wit.SpeechOrderSpeedMax))
	}
	return s.d.Speech.Speak(ctx, o)
}

// format reads the name of a format, as clients have it. Errors: CodeInvalid.
func format(name string) (wit.SoundFormat, error) {
	kind, _, _ := strings.Cut(strings.ToLower(name), "_")
	for _, f := range [...]wit.SoundFormat{wit.SoundFormatMp3, wit.SoundFormatOpus, wit.SoundFormatWav, wit.SoundFormatFlac, wit.SoundFormatAac} {
		if kind == string(f) {
			return f, nil
		}
	}
	return "", wit.Errorf(wit.CodeInvalid, "outputFormat cannot be %.40q: use mp3, opus, wav, flac or aac", name)
}
