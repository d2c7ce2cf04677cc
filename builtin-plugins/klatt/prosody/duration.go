package prosody

import "github.com/carapace-gateway/carapace/builtin-plugins/klatt/phone"

// duration is how long a sound takes at the usual speed, in milliseconds: what is above its least length is shortened by where
// it stands.
func duration(spots []spot, i int) float64 {
	s := &spots[i]
	least, part := s.phone.Least, 1.0
	if s.phone.Kind == phone.Vowel {
		part = vowelPart(spots, i)
	} else {
		part = consonantPart(spots, i)
	}
	if s.phone.Kind == phone.Vowel && !s.stressed {
		least *= 0.65
	}
	return (s.phone.Typical-least)*part + least
}

func vowelPart(spots []spot, i int) float64 {
	s := &spots[i]
	part := 1.0
	switch {
	case s.last:
		part *= 1.3
	case !s.final:
		part *= 0.8
	default:
		part *= 0.7
	}
	if s.vowels > 1 {
		part *= 0.85
	}
	switch {
	case s.weak:
		part *= 0.4
	case !s.stressed:
		part *= 0.6
	}
	return part * before(spots, i)
}

// before is what the consonant that follows does to a vowel: short before p, long before z.
func before(spots []spot, i int) float64 {
	next := follower(spots, i)
	if next == nil || next.Kind == phone.Vowel || next.Kind == phone.Glide {
		return 1.1
	}
	change := 1.0
	switch {
	case next.Kind == phone.Nasal:
		change = 0.9
	case next.Kind == phone.Fricative && next.Voiced:
		change = 1.4
	case next.Voiced:
		change = 1.2
	case next.Kind == phone.Stop || next.Kind == phone.Affricate:
		change = 0.7
	}
	if !spots[i].last {
		change = 0.6 + 0.4*change
	}
	return change
}

func consonantPart(spots []spot, i int) float64 {
	s := &spots[i]
	part := 1.0
	if !s.initial {
		part = 0.8
	}
	if next := follower(spots, i); next != nil && next.Kind == phone.Vowel && !spots[i+1].stressed {
		part *= 0.75
	}
	inRow := func(j int) bool { return j >= 0 && j < len(spots) && spots[j].phone.Kind != phone.Vowel }
	if inRow(i-1) || inRow(i+1) {
		part *= 0.7
	}
	if s.last {
		part *= 1.3
	}
	return part
}
