package spelling

import (
	_ "embed"
	"strings"
)

//go:embed lexicon.txt
var lexicon table

// lookup is a word of the lexicon, nil where it is not there.
func lookup(word string) Word {
	if sounds := lexicon.find(word); sounds != "" {
		return parse(sounds)
	}
	return nil
}

// inflected is a word of the lexicon with an ending, nil where it is not there: works, worked, working, workers, slowly, Ann's.
func inflected(word string) Word {
	for _, e := range endings {
		stem, ends := strings.CutSuffix(word, e.letters)
		if !ends || len(stem) < 2 {
			continue
		}
		for _, candidate := range [...]string{stem, stem + "e", strings.TrimSuffix(stem, "i") + "y", undouble(stem)} {
			if w := lookup(candidate); w != nil && !w.Weak() {
				return append(w, parse(e.sounds(w))...)
			}
		}
	}
	return nil
}

// undouble is a stem without its doubled consonant: running comes of run.
func undouble(stem string) string {
	if n := len(stem); n > 2 && stem[n-1] == stem[n-2] {
		return stem[:n-1]
	}
	return stem
}

type ending struct {
	letters string
	sounds  func(Word) string
}

var endings = [...]ending{
	{"'s", plural}, {"ing", fixed("IH NG")}, {"ed", past}, {"d", past}, {"es", plural}, {"s", plural}, {"ly", fixed("L IY")},
	{"ers", fixed("ER Z")}, {"er", fixed("ER")}, {"n't", fixed("AX N T")}, {"'ll", fixed("AX L")}, {"'re", fixed("ER")}, {"'ve", fixed("AX V")},
}

func fixed(sounds string) func(Word) string { return func(Word) string { return sounds } }

func plural(w Word) string {
	switch w[len(w)-1].Symbol {
	case "S", "Z", "SH", "ZH", "CH", "JH":
		return "IH Z"
	case "P", "T", "K", "F", "TH":
		return "S"
	}
	return "Z"
}

func past(w Word) string {
	switch w[len(w)-1].Symbol {
	case "T", "D":
		return "IH D"
	case "P", "K", "F", "TH", "S", "SH", "CH":
		return "T"
	}
	return "D"
}
