package synth

import "math"

// Rate is how many samples a second has.
const Rate = 16000

// resonator rings at a frequency: two poles. The zero value passes nothing.
type resonator struct {
	a, b, c float64
	y1, y2  float64
}

// tune sets the frequency and the width, in hertz, so that what does not change passes unchanged.
func (r *resonator) tune(frequency, width float64) {
	radius := math.Exp(-math.Pi * width / Rate)
	r.b = 2 * radius * math.Cos(2*math.Pi*frequency/Rate)
	r.c = -radius * radius
	r.a = 1 - r.b - r.c
}

// tuneBand is tune with a gain of about 1 at the frequency.
func (r *resonator) tuneBand(frequency, width float64) {
	r.tune(frequency, width)
	radius := math.Sqrt(-r.c)
	angle := 2 * math.Pi * frequency / Rate
	r.a = (1 - radius) * math.Sqrt(1-2*radius*math.Cos(2*angle)+radius*radius)
}

func (r *resonator) pass(x float64) float64 {
	y := r.a*x + r.b*r.y1 + r.c*r.y2
	r.y1, r.y2 = y, r.y1
	return y
}

// antiresonator takes out what is about a frequency: two zeros.
type antiresonator struct {
	a, b, c float64
	x1, x2  float64
}

func (r *antiresonator) tune(frequency, width float64) {
	var pole resonator
	pole.tune(frequency, width)
	r.a, r.b, r.c = 1/pole.a, -pole.b/pole.a, -pole.c/pole.a
}

func (r *antiresonator) pass(x float64) float64 {
	y := r.a*x + r.b*r.x1 + r.c*r.x2
	r.x1, r.x2 = x, r.x1
	return y
}

// noise is a sequence that is the same each time: what is said twice sounds the same. The zero value is ready to use.
type noise struct{ state uint32 }

func (n *noise) next() float64 {
	n.state = n.state*1664525 + 1013904223
	return float64(int32(n.state)) / (1 << 31)
}
