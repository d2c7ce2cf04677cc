package klatt

import (
	"github.com/carapace-gateway/carapace/builtin-plugins/klatt/prosody"
	"github.com/carapace-gateway/carapace/builtin-plugins/klatt/spelling"
	"github.com/carapace-gateway/carapace/builtin-plugins/klatt/synth"
	"github.com/carapace-gateway/carapace/builtin-plugins/klatt/track"
	"github.com/carapace-gateway/carapace/wit"
)

// maxSamples is how long a sound may be, so that with its head it is no larger than an answer takes: 65 seconds.
const maxSamples = (wit.SpeechBytesMax - headLength) / 2

// speak says a text, at a speed of which 1 is the usual one. Errors: CodeInvalid where there is nothing that can be said;
// CodeTooLarge for what takes too long to say.
func speak(text string, v track.Voice, speed float64) ([]int16, error) {
	clauses := spelling.Read(text)
	if len(clauses) == 0 {
		return nil, wit.NewError(wit.CodeInvalid, "klatt: there is nothing in the text that can be said in English")
	}
	s := synth.New(v.Size)
	var samples []int16
	for _, c := range clauses {
		segments, melody := prosody.Plan(c, speed)
		track.Frames(segments, melody, v, func(f *synth.Frame) {
			if len(samples) < maxSamples {
				samples = s.Frame(f, samples)
			}
		})
		if len(samples) >= maxSamples {
			return nil, wit.NewError(wit.CodeTooLarge, "klatt: the text takes longer than a minute to say: shorten it, or say it faster")
		}
	}
	return samples, nil
}
