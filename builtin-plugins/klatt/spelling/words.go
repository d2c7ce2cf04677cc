// Package spelling turns English text into the sounds that say it.
//
// A text is cut into clauses at its punctuation (clause.go); numbers and signs become words (number.go, token.go); a word is
// looked up in a lexicon, with its endings taken off, and else said by rules (lexicon.go, rule.go, stress.go).
package spelling

import "strings"

// Sound is one sound of a word: a symbol of package phone, and whether it carries the word's stress.
type Sound struct {
	Symbol   string
	Stressed bool
}

// Word is a word's sounds.
type Word []Sound

// Weak reports that it carries no stress, as the and of do.
func (w Word) Weak() bool {
	for _, s := range w {
		if s.Stressed {
			return false
		}
	}
	return true
}

// String is for people and tests: "HH AX L OW1".
func (w Word) String() string {
	var b strings.Builder
	for i, s := range w {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(s.Symbol)
		if s.Stressed {
			b.WriteByte('1')
		}
	}
	return b.String()
}

// parse reads what String writes.
func parse(sounds string) Word {
	var w Word
	for _, symbol := range strings.Fields(sounds) {
		bare := strings.TrimSuffix(symbol, "1")
		w = append(w, Sound{bare, bare != symbol})
	}
	return w
}

// Say returns the sounds of a word of small letters and apostrophes. It is empty where none of them can be said.
func Say(word string) Word {
	if w := lookup(word); w != nil {
		return w
	}
	if w := inflected(word); w != nil {
		return w
	}
	return stress(word, spell(word))
}
