// Package phone has the sounds that English is made of, and how a vocal tract is set to make each.
//
// Formants, their bandwidths and the durations are those of American English speakers as published by Klatt (Software for a
// cascade/parallel formant synthesizer, 1980; Linguistic uses of segmental duration in English, 1976) and by Peterson and Barney
// (Control methods used in a study of the vowels, 1952). The symbols are those of the ARPAbet.
package phone

// Kind is how a sound is made.
type Kind uint8

// Kinds.
const (
	Vowel Kind = iota
	Glide
	Nasal
	Fricative
	Stop
	Affricate
	Breath
	Pause
)

// Shape is a position of the vocal tract: its first three resonances and how wide they are, in hertz.
type Shape struct {
	F, B [3]float64
}

// Band is a part of a noise: its centre and width in hertz, and its level. A centre of 0 is that of the second resonance,
// a width of 0 is all of the spectrum.
type Band struct {
	Centre, Width, Level float64
}

// Phone is one sound.
type Phone struct {
	Symbol string
	Kind   Kind
	Voiced bool
	// At is the position, and To the one that a diphthong goes to, nil where there is none.
	At Shape
	To *Shape
	// Typical is how long it takes where nothing shortens it, Least how long however fast, in milliseconds.
	Typical, Least float64
	// Level is how loud it is voiced, beside a vowel's 1.
	Level float64
	// Noise is what air makes where the tract is narrow.
	Noise []Band
}

// Find returns a sound by its symbol, nil where there is none.
func Find(symbol string) *Phone {
	all := All()
	for i := range all {
		if all[i].Symbol == symbol {
			return &all[i]
		}
	}
	return nil
}

func shape(f1, f2, f3, b1, b2, b3 float64) Shape {
	return Shape{F: [3]float64{f1, f2, f3}, B: [3]float64{b1, b2, b3}}
}

func vowel(symbol string, typical, least float64, at Shape) Phone {
	return Phone{Symbol: symbol, Kind: Vowel, Voiced: true, At: at, Typical: typical, Least: least, Level: 1}
}

func diphthong(symbol string, typical, least float64, at, to Shape) Phone {
	p := vowel(symbol, typical, least, at)
	p.To = &to
	return p
}

func sonorant(symbol string, kind Kind, typical, least, level float64, at Shape) Phone {
	return Phone{Symbol: symbol, Kind: kind, Voiced: true, At: at, Typical: typical, Least: least, Level: level}
}

func noisy(symbol string, kind Kind, typical, least, level float64, at Shape, noise ...Band) Phone {
	return Phone{Symbol: symbol, Kind: kind, Voiced: level > 0, At: at, Typical: typical, Least: least, Level: level, Noise: noise}
}
