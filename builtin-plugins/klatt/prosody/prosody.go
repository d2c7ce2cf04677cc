// Package prosody says how long each sound of a clause lasts, and how the voice rises and falls.
//
// The durations follow Klatt's rules (Linguistic uses of segmental duration in English, 1976), the pitch a line that falls
// through the clause, with a rise on each stressed word and a turn at the end.
package prosody

import (
	"github.com/carapace-gateway/carapace/builtin-plugins/klatt/phone"
	"github.com/carapace-gateway/carapace/builtin-plugins/klatt/spelling"
)

// Stage is a part of a sound.
type Stage uint8

// Stages: most sounds have one; a stop is closed, bursts, and may be followed by breath.
const (
	Steady Stage = iota
	Closure
	Burst
	Aspiration
)

// Segment is a stage of a sound.
type Segment struct {
	Phone    *phone.Phone
	Stage    Stage
	Length   float64 // milliseconds
	Stressed bool
}

// Melody is a clause's pitch over its time, as points that are joined by lines: milliseconds and times the voice's own pitch.
type Melody []Point

// Point is one of them.
type Point struct{ At, Pitch float64 }

// spot is a sound in its place.
type spot struct {
	phone    *phone.Phone
	stressed bool
	weak     bool // its word has no stress
	initial  bool // of its word
	final    bool // no vowel follows in its word
	last     bool // no vowel follows in the clause
	vowels   int  // of its word
}

// Plan returns the segments of a clause, with the pause after it, and its melody. A speed of 1 is the usual one.
func Plan(c spelling.Clause, speed float64) ([]Segment, Melody) {
	spots := place(c)
	var list []Segment
	m := melodist{end: c.End}
	at := 0.0
	for i := range spots {
		s := &spots[i]
		length := duration(spots, i) / speed
		if s.phone.Kind == phone.Vowel && s.stressed {
			m.accent(at, length)
		}
		for _, part := range stages(spots, i, length, speed) {
			list, at = append(list, part), at+part.Length
		}
	}
	melody := m.melody(at)
	pause := 320.0
	if c.End == spelling.Continues {
		pause = 160
	}
	return append(list, Segment{Phone: phone.Find("_"), Length: pause / speed}), melody
}

// place puts the sounds of a clause in a row.
func place(c spelling.Clause) []spot {
	var spots []spot
	for _, w := range c.Words {
		first := len(spots)
		vowels := 0
		for _, s := range w {
			p := phone.Find(s.Symbol)
			if p == nil {
				continue
			}
			if p.Kind == phone.Vowel {
				vowels++
			}
			spots = append(spots, spot{phone: p, stressed: s.Stressed, weak: w.Weak(), initial: len(spots) == first})
		}
		final := true
		for i := len(spots) - 1; i >= first; i-- {
			spots[i].vowels, spots[i].final = vowels, final
			final = final && spots[i].phone.Kind != phone.Vowel
		}
	}
	for i := len(spots) - 1; i >= 0; i-- {
		spots[i].last = true
		if spots[i].phone.Kind == phone.Vowel {
			break
		}
	}
	return spots
}

// stages cuts a sound into its parts.
func stages(spots []spot, i int, length, speed float64) []Segment {
	s := &spots[i]
	whole := Segment{Phone: s.phone, Length: length, Stressed: s.stressed}
	switch s.phone.Kind {
	case phone.Affricate:
		closed, loose := whole, whole
		closed.Stage, closed.Length = Closure, length*0.7
		loose.Stage, loose.Length = Burst, length*0.3+45/speed
		return []Segment{closed, loose}
	case phone.Stop:
	default:
		return []Segment{whole}
	}
	closed, burst, breath := whole, whole, whole
	closed.Stage, burst.Stage, breath.Stage = Closure, Burst, Aspiration
	burst.Length = 12
	if next := follower(spots, i); next != nil && (next.Kind == phone.Stop || next.Kind == phone.Affricate) {
		burst.Length = 5 // the next one is formed before this one is let go
	}
	breath.Length = aspiration(spots, i) / speed
	if breath.Length == 0 {
		return []Segment{closed, burst}
	}
	return []Segment{closed, burst, breath}
}

func follower(spots []spot, i int) *phone.Phone {
	if i+1 < len(spots) {
		return spots[i+1].phone
	}
	return nil
}

// aspiration is how long breath follows a stop: long before a stressed vowel, not after s, not where the voice goes on.
func aspiration(spots []spot, i int) float64 {
	next := follower(spots, i)
	switch {
	case spots[i].phone.Voiced:
		return 0
	case next == nil:
		return 30
	case i > 0 && spots[i-1].phone.Symbol == "S" && !spots[i].initial:
		return 10
	case next.Kind == phone.Glide:
		return 40
	case next.Kind != phone.Vowel:
		return 8
	case spots[i+1].stressed || spots[i].initial:
		return 45
	}
	return 25
}
