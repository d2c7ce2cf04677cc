// Package klatt speaks English with no network: it computes the sound itself.
//
// A text becomes sounds (package spelling), sounds get durations and a melody (prosody), these become movements of a vocal tract
// (track, of the sounds in phone), and those a sound (synth). The same text always sounds the same, byte for byte.
package klatt

import (
	"strings"

	"github.com/carapace-gateway/carapace/builtin-plugins/klatt/track"
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/tts"
	"github.com/carapace-gateway/carapace/wit"
)

// Synthesizer speaks. The zero value is ready to use.
type Synthesizer struct{}

// New returns the synthesizer.
func New() Synthesizer { return Synthesizer{} }

var _ tts.TTS = Synthesizer{}

// Synthesize says a text, as a WAV file.
func (Synthesizer) Synthesize(_ *sdk.Host, order *wit.SpeechOrder) (*wit.Speech, error) {
	if order.Format != wit.SoundFormatWav {
		return nil, wit.NewError(wit.CodeInvalid, "klatt: it speaks wav, and not "+string(order.Format))
	}
	name := "man"
	if order.Voice != nil && *order.Voice != "" {
		name = *order.Voice
	}
	v, known := voice(name)
	if !known {
		return nil, wit.NewError(wit.CodeInvalid, "klatt: there is no such voice: there are man, woman and child")
	}
	speed := 1.0
	if order.Speed > 0 {
		speed = float64(order.Speed) / 100
	}
	samples, err := speak(order.Text, v, speed)
	if err != nil {
		return nil, err
	}
	return tts.Sound("audio/wav", wav(samples)), nil
}

// voice is one of those in the manifest.
func voice(name string) (track.Voice, bool) {
	switch strings.ToLower(name) {
	case "man":
		return track.Voice{Pitch: 112, Size: 1, Breathy: 0.05}, true
	case "woman":
		return track.Voice{Pitch: 196, Size: 1.16, Breathy: 0.15}, true
	case "child":
		return track.Voice{Pitch: 270, Size: 1.3, Breathy: 0.1}, true
	}
	return track.Voice{}, false
}
