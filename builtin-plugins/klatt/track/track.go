// Package track turns segments into the positions that the vocal tract has over time: it moves from each sound's position to
// the next one's, and how fast, and whose position counts more where they meet, depends on the kinds of sound (after Holmes,
// Mattingly and Shearme, Speech synthesis by rule, 1964).
package track

import (
	"math"

	"github.com/carapace-gateway/carapace/builtin-plugins/klatt/phone"
	"github.com/carapace-gateway/carapace/builtin-plugins/klatt/prosody"
	"github.com/carapace-gateway/carapace/builtin-plugins/klatt/synth"
)

// Voice is who speaks.
type Voice struct {
	Pitch   float64 // hertz
	Size    float64 // of the resonances' frequencies: 1 is a man's
	Breathy float64 // how much air is in the voice, 0 to 1
}

// step is a frame's time in milliseconds.
const step = 1000.0 * synth.FrameLength / synth.Rate

// Frames calls with each frame of a clause, which is only good until the next.
func Frames(segments []prosody.Segment, melody prosody.Melody, v Voice, frame func(*synth.Frame)) {
	var f synth.Frame
	at, end := 0.0, 0.0
	for i := range segments {
		s := newSpan(segments, i)
		begin := end
		end += s.Length
		for ; at < end; at += step {
			s.position(&f, at-begin)
			s.levels(&f, at-begin, v)
			// The voice of a person is never quite steady.
			f.Pitch = v.Pitch * melody.Pitch(at) * (1 + 0.006*math.Sin(at*0.0797) + 0.004*math.Sin(at*0.0296))
			frame(&f)
		}
	}
}

// span is a segment between its neighbours.
type span struct {
	prosody.Segment
	from, to    phone.Shape // the position that it has itself, and where that moves to
	left, right phone.Shape // where it meets its neighbours
	in, out     float64     // how long it takes from the one, and to the other, in milliseconds
	nose        [2]float64  // how far it is open for its neighbours
}

func newSpan(segments []prosody.Segment, i int) *span {
	s := &span{Segment: segments[i]}
	s.from, s.to = shapes(segments, i)
	s.left, s.right = s.from, s.to
	if i > 0 {
		_, before := shapes(segments, i-1)
		s.left = meet(before, kind(segments[i-1]), s.from, kind(s.Segment))
		s.in = moves(kind(s.Segment), kind(segments[i-1]))
		s.nose[0] = nasal(segments[i-1])
	}
	if i+1 < len(segments) {
		after, _ := shapes(segments, i+1)
		s.right = meet(s.to, kind(s.Segment), after, kind(segments[i+1]))
		s.out = moves(kind(s.Segment), kind(segments[i+1]))
		s.nose[1] = nasal(segments[i+1])
	}
	s.in, s.out = min(s.in, s.Length/2), min(s.out, s.Length/2)
	return s
}

func nasal(s prosody.Segment) float64 {
	if s.Phone.Kind == phone.Nasal {
		return 1
	}
	return 0
}

// kind is a segment's, where breath after a stop counts for the vowel that it already is.
func kind(s prosody.Segment) phone.Kind {
	if s.Stage == prosody.Aspiration {
		return phone.Breath
	}
	return s.Phone.Kind
}

// shapes are the position of a segment, and where it moves to. Breath has that of what follows, and k is formed where the
// vowel beside it is.
func shapes(segments []prosody.Segment, i int) (from, to phone.Shape) {
	s := segments[i]
	switch {
	case kind(s) == phone.Breath || s.Phone.Kind == phone.Pause:
		if i+1 < len(segments) && segments[i+1].Phone.Kind != phone.Pause {
			from, _ = shapes(segments, i+1)
		} else if i > 0 {
			from = segments[i-1].Phone.At
		} else {
			from = s.Phone.At
		}
		from.B[0] += 80 // the glottis is open, which damps
		return from, from
	case s.Phone.Symbol == "K" || s.Phone.Symbol == "G" || s.Phone.Symbol == "NG":
		from = s.Phone.At
		from.F[1] = velar(segments, i)
		from.F[2] = max(from.F[1]+350, 2150)
		return from, from
	}
	if from = s.Phone.At; s.Phone.To != nil {
		return from, *s.Phone.To
	}
	return from, from
}

// velar is the second resonance where the tongue's back closes: near that of the vowel after it, or before.
func velar(segments []prosody.Segment, i int) float64 {
	for _, next := range [...]int{1, -1} {
		for j := i; j >= 0 && j < len(segments) && j-i < 4 && i-j < 4; j += next {
			if p := segments[j].Phone; p.Kind == phone.Vowel || p.Kind == phone.Glide {
				at := p.At.F[1]
				if next < 0 && p.To != nil {
					at = p.To.F[1]
				}
				return min(max(at*1.1, 1250), 2350)
			}
		}
	}
	return 1800
}

// meet is the position between two sounds: near to that of a consonant, half way between two of a kind.
func meet(a phone.Shape, kindA phone.Kind, b phone.Shape, kindB phone.Kind) phone.Shape {
	weightA, weightB := holds(kindA), holds(kindB)
	share := weightB / (weightA + weightB)
	return between(a, b, share)
}

// holds is how much a kind of sound keeps its position beside others.
func holds(k phone.Kind) float64 {
	switch k {
	case phone.Pause, phone.Breath:
		return 0.02
	case phone.Vowel:
		return 1
	case phone.Glide:
		return 1.3
	case phone.Nasal:
		return 1.7
	case phone.Fricative:
		return 1.9
	}
	return 2.2
}

// moves is how long a sound of one kind moves to or from one of another, in milliseconds.
func moves(of, other phone.Kind) float64 {
	if of != phone.Vowel && of != phone.Breath {
		return 30
	}
	switch other {
	case phone.Glide:
		return 80
	case phone.Vowel:
		return 70
	case phone.Pause:
		return 20
	}
	return 50
}

func between(a, b phone.Shape, t float64) (s phone.Shape) {
	for i := range s.F {
		s.F[i] = a.F[i] + (b.F[i]-a.F[i])*t
		s.B[i] = a.B[i] + (b.B[i]-a.B[i])*t
	}
	return s
}

// position puts the tract where it is at a time within the segment.
func (s *span) position(f *synth.Frame, at float64) {
	f.Shape = between(s.from, s.to, smooth((at/s.Length-0.25)/0.6))
	if at < s.in {
		f.Shape = between(s.left, f.Shape, smooth(at/s.in))
	}
	if left := s.Length - at; left < s.out {
		f.Shape = between(s.right, f.Shape, smooth(left/s.out))
	}
}

func smooth(t float64) float64 {
	t = min(max(t, 0), 1)
	return t * t * (3 - 2*t)
}

// toward moves a level, by no more than so much in a frame.
func toward(level *float64, target, most float64) {
	*level += min(max(target-*level, -most), most)
}

// levels sets how loud the voice, the breath and the noise are at a time within the segment.
func (s *span) levels(f *synth.Frame, at float64, v Voice) {
	voice, breath, hiss, nose := 0.0, 0.0, 0.0, 0.0
	fast := 0.25
	p := s.Phone
	switch {
	case s.Stage == prosody.Closure:
		voice = p.Level * (1 - 0.5*at/s.Length)
	case s.Stage == prosody.Burst:
		hiss, fast = 1, 1
		if p.Kind == phone.Stop {
			hiss = 1 - 0.6*at/s.Length
		}
		voice = p.Level
	case s.Stage == prosody.Aspiration:
		breath = 0.8
	case p.Kind == phone.Breath:
		breath = 1
	case p.Kind == phone.Fricative:
		voice, hiss, fast = p.Level, 1, 0.2
	case p.Kind == phone.Nasal:
		voice, nose = p.Level, 1
	case p.Kind == phone.Glide:
		voice = p.Level
	case p.Kind == phone.Vowel:
		voice, breath = 0.8, v.Breathy
		if s.Stressed {
			voice = 1
		}
		if left := s.Length - at; left < 40 && s.nose[1] > 0 || at < 40 && s.nose[0] > 0 {
			nose = 0.4
		}
	}
	toward(&f.Voice, voice, 0.25)
	toward(&f.Breath, breath, 0.3)
	toward(&f.Nose, nose, 0.2)
	if hiss > 0 && p.Noise != nil {
		if len(f.Noise) == 0 || &f.Noise[0] != &p.Noise[0] {
			f.Hiss = 0
		}
		f.Noise = p.Noise
	}
	toward(&f.Hiss, hiss, fast)
}
