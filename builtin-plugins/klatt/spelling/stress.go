package spelling

import (
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/builtin-plugins/klatt/phone"
)

// stress marks the vowel that a word is stressed on, and weakens those beside it. Endings of Latin say where it is, and
// prefixes have none; else it is the last vowel but one if that is long, and the one before it if not.
func stress(word string, w Word) Word {
	var at []int // of the vowels
	for i, s := range w {
		if p := phone.Find(s.Symbol); p != nil && p.Kind == phone.Vowel {
			at = append(at, i)
		}
	}
	if len(at) == 0 {
		return w
	}
	chosen := place(word, w, at)
	if w[at[chosen]].Symbol == "AX" {
		w[at[chosen]].Symbol = "AH"
	}
	w[at[chosen]].Stressed = true
	for _, beside := range [...]int{chosen - 1, chosen + 1} {
		if beside < 0 || beside >= len(at) {
			continue
		}
		if s := &w[at[beside]]; slices.Contains(reduced[:], s.Symbol) && at[beside] != len(w)-1 {
			s.Symbol = "AX"
		}
	}
	return w
}

// reduced are vowels of which little is left beside a stressed one.
var reduced = [...]string{"AE", "AH", "AA"}

// before the last so many vowels of these endings is the stress.
var fixedEndings = [...]struct {
	letters string
	vowels  int
}{
	{"ation", 2}, {"tion", 1}, {"sion", 1}, {"cian", 1}, {"tial", 1}, {"cial", 1}, {"tious", 1}, {"cious", 1}, {"ically", 3}, {"ical", 2}, {"ics", 1}, {"ic", 1},
	{"ity", 2}, {"ify", 2}, {"ology", 2}, {"graphy", 1}, {"ian", 2}, {"ious", 2}, {"ial", 2},
}

var prefixes = [...]string{"be", "de", "re", "dis", "un", "ex", "em", "en", "ad", "ac", "ap", "at", "al", "im", "con", "com", "pro", "pre", "per", "sub", "a"}

// place chooses one of the vowels.
func place(word string, w Word, at []int) int {
	n := len(at)
	for _, e := range fixedEndings {
		if strings.HasSuffix(word, e.letters) {
			if e.letters == "ation" {
				return max(0, n-2)
			}
			return max(0, n-1-e.vowels)
		}
	}
	switch {
	case n == 1:
		return 0
	case n == 2:
		for _, p := range prefixes[:10] {
			if strings.HasPrefix(word, p) && long(w, at, 1) {
				return 1
			}
		}
		if strings.HasPrefix(word, "a") && len(word) > 2 && w[0].Symbol == "AX" {
			return 1
		}
		return 0
	case long(w, at, n-2):
		return n - 2
	}
	return n - 3
}

// long reports whether a vowel takes time, by itself or by what follows.
func long(w Word, at []int, i int) bool {
	switch w[at[i]].Symbol {
	case "IY", "EY", "AY", "OW", "UW", "AW", "OY", "AO":
		return true
	case "AX":
		return false
	}
	end := len(w)
	if i+1 < len(at) {
		end = at[i+1]
	}
	return end-at[i] > 2
}
