// Package synth makes a sound of a sequence of positions of the vocal tract.
//
// It is a formant synthesizer as Klatt described it in 1980: pulses of the glottis and noise go through resonators in a row, one
// for each formant and a pair for the nose, and what is made at a narrow place goes through resonators of its own beside them.
// The pulses are those of Rosenberg's polynomial, as in Klatt and Klatt 1990. All is deterministic.
package synth

import (
	"math"

	"github.com/carapace-gateway/carapace/builtin-plugins/klatt/phone"
)

// FrameLength is how many samples a frame lasts: 5 milliseconds.
const FrameLength = Rate / 200

// Frame is the state of the vocal tract for the time of a frame. Levels are 0 to about 1.
type Frame struct {
	Pitch  float64 // hertz
	Voice  float64 // how loud the glottis sounds
	Breath float64 // how loud the air in it is
	Hiss   float64 // how loud Noise is
	Noise  []phone.Band
	phone.Shape
	// Nose is how far the nose is open, 0 to 1.
	Nose float64
}

// upper are the formants above the third, which hardly move: frequency and width in hertz.
var upper = [...][2]float64{{3450, 250}, {4300, 350}, {5400, 500}, {6500, 600}, {7400, 700}}

const (
	nosePole, noseZero, noseWidth = 270.0, 450.0, 100.0

	open    = 0.6  // the part of a period in which the glottis is open
	breathy = 0.02 // of the air in it while it sounds
	loud    = 0.42 // so that vowels are well below what clips
	breath  = 0.12
)

// Synthesizer makes the sound, frame by frame, for a tract of a size. Use New.
type Synthesizer struct {
	size    float64 // of the resonances' frequencies: 1 is a man's
	tract   [3]resonator
	upper   [len(upper)]resonator
	pole    resonator
	zero    antiresonator
	bands   [4]resonator
	noise   noise
	phase   float64 // within the period, 0 to 1
	last    Frame
	started bool
}

// New returns one whose resonances are so many times those of a man.
func New(size float64) *Synthesizer {
	s := &Synthesizer{size: size}
	for i, u := range upper {
		s.upper[i].tune(min(u[0]*size, 0.48*Rate), u[1]*size)
	}
	s.pole.tune(nosePole, noseWidth)
	return s
}

// Frame adds the samples of one frame. Levels and pitch go from those of the last one in a straight line.
func (s *Synthesizer) Frame(f *Frame, out []int16) []int16 {
	if !s.started {
		s.last, s.started = *f, true
	}
	s.tune(f)
	from := &s.last
	for i := range FrameLength {
		t := float64(i+1) / FrameLength
		glottis := s.glottis(from.Pitch + (f.Pitch-from.Pitch)*t)
		air := s.noise.next()
		x := glottis * (from.Voice + (f.Voice-from.Voice)*t)
		x += air * (breath*(from.Breath+(f.Breath-from.Breath)*t) + breathy*f.Voice)
		y := s.row(x) * loud
		if f.Hiss > 0 {
			hiss := air * f.Hiss
			if f.Voice > 0 && s.phase > open {
				hiss *= 0.4 // the glottis is closed, and little air comes
			}
			y += s.beside(hiss, f.Noise)
		}
		out = append(out, clip(y))
	}
	s.last = *f
	return out
}

// tune sets the resonators to the frame.
func (s *Synthesizer) tune(f *Frame) {
	for i := range s.tract {
		s.tract[i].tune(f.F[i]*s.size, f.B[i])
	}
	s.zero.tune(nosePole+(noseZero-nosePole)*f.Nose, noseWidth)
	for i, b := range f.Noise {
		centre := b.Centre
		if centre == 0 {
			centre = f.F[1]
		}
		if b.Width > 0 {
			s.bands[i].tuneBand(min(centre*s.size, 0.45*Rate), b.Width)
		}
	}
}

// glottis is the flow's change at this sample: it rises, falls fast as the glottis closes, and rests.
func (s *Synthesizer) glottis(pitch float64) float64 {
	s.phase += pitch / Rate
	if s.phase >= 1 {
		s.phase--
	}
	if s.phase >= open {
		return 0
	}
	t := s.phase / open
	return 2*t - 3*t*t
}

// row passes a sample through the resonators of the vocal tract, one after the other.
func (s *Synthesizer) row(x float64) float64 {
	x = s.pole.pass(s.zero.pass(x))
	for i := range s.tract {
		x = s.tract[i].pass(x)
	}
	for i := range s.upper {
		x = s.upper[i].pass(x)
	}
	return x
}

// beside passes a noise through its bands, which sound together.
func (s *Synthesizer) beside(x float64, bands []phone.Band) float64 {
	sum := 0.0
	for i, b := range bands {
		y := x
		if b.Width > 0 {
			y = s.bands[i].pass(x) * 2.2 // a band has little of the noise's power
		}
		sum += y * b.Level
	}
	return sum
}

// clip bends what is too loud, so that it does not crackle.
func clip(y float64) int16 {
	const knee = 0.7
	if size := math.Abs(y); size > knee {
		y = math.Copysign(knee+(1-knee)*math.Tanh((size-knee)/(1-knee)), y)
	}
	return int16(y * 32000)
}
