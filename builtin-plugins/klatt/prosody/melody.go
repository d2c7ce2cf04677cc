package prosody

import "github.com/carapace-gateway/carapace/builtin-plugins/klatt/spelling"

// melodist draws a melody: the accents, and then the end.
type melodist struct {
	end     spelling.End
	accents []accent
}

type accent struct{ at, length float64 }

func (m *melodist) accent(at, length float64) { m.accents = append(m.accents, accent{at, length}) }

const (
	top    = 1.12 // where the line begins, and
	bottom = 0.88 // where it ends
	rise   = 0.22 // of the first accent; the others are lower, by turns
)

// melody is that of a clause of a length.
func (m *melodist) melody(length float64) Melody {
	line := func(at float64) float64 { return top + (bottom-top)*at/max(length, 600) }
	list := Melody{{0, line(0)}}
	add := func(at, pitch float64) {
		if last := list[len(list)-1]; at > last.At {
			list = append(list, Point{at, pitch})
		}
	}
	for i, a := range m.accents {
		height := rise
		if i > 0 {
			height *= 0.6 + 0.2*float64(i%2)
		}
		last := i == len(m.accents)-1
		peak := a.at + 0.45*a.length
		add(a.at-50, line(a.at))
		switch {
		case last && m.end == spelling.Asks:
			add(a.at+0.3*a.length, line(a.at)*0.94)
		case last && m.end == spelling.States:
			add(a.at+0.3*a.length, line(a.at)*(1+height))
		default:
			add(peak, line(peak)*(1+height))
			add(peak+130, line(peak+130))
		}
	}
	switch m.end {
	case spelling.Asks:
		add(length, 1.45)
	case spelling.States:
		add(length-40, 0.76)
		add(length, 0.74)
	default:
		add(length-120, line(length))
		add(length, line(length)*1.1)
	}
	return list
}

// Pitch is that at a time.
func (m Melody) Pitch(at float64) float64 {
	for i := 1; i < len(m); i++ {
		if a, b := m[i-1], m[i]; at <= b.At {
			return a.Pitch + (b.Pitch-a.Pitch)*max(0, at-a.At)/(b.At-a.At)
		}
	}
	return m[len(m)-1].Pitch
}
