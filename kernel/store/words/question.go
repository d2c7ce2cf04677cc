package words

import (
	"strings"
	"unicode/utf8"
)

// MaxTerms is how many terms of a question are looked for; what follows is passed over.
const MaxTerms = 16

// Term is one thing that is looked for: words that follow each other.
type Term struct {
	Words []string
	// Prefix says that the last word is the beginning of one.
	Prefix bool
	// Not says that a text with the term is not wanted.
	Not bool
}

// Question is what is looked for: texts that have all the terms.
type Question []Term

// Ask reads a question as people type it. Words in "quotes" follow each other; a word or quotes behind a minus are not
// wanted; each other word is also found as the beginning of a longer one. Nothing is an error: a sign that means nothing here
// parts words.
func Ask(text string) Question {
	var q Question
	for len(text) > 0 && len(q) < MaxTerms {
		text = strings.TrimLeft(text, " \t\r\n")
		not := len(text) > 1 && text[0] == '-' && text[1] != ' '
		if not {
			text = text[1:]
		}
		if strings.HasPrefix(text, `"`) {
			inside, rest, _ := strings.Cut(text[1:], `"`)
			if words := texts(Cut(inside)); len(words) > 0 {
				q = append(q, Term{Words: words, Not: not})
			}
			text = rest
			continue
		}
		end := strings.IndexAny(text, " \t\r\n\"")
		if end < 0 {
			end = len(text)
		}
		q = q.with(Cut(text[:end]), not)
		text = text[end:]
	}
	return q[:min(len(q), MaxTerms)]
}

// with adds what stands between two spaces. Pairs that overlap are one term, so that a name of three characters is found as it
// is; other words are a term each, but for those that are not wanted, which are not wanted together.
func (q Question) with(found []Word, not bool) Question {
	for i := 0; i < len(found); {
		end := i + 1
		for end < len(found) && (not || found[i].Pair && found[end].Pair && found[end].From < found[end-1].To) {
			end++
		}
		words := found[i:end]
		prefix := !words[0].Pair && utf8.RuneCountInString(words[0].Text) > 1
		if words[0].Pair {
			// The last character alone is the beginning of a pair, and says nothing that the pair before has not said.
			if prefix = len(words) == 1; !prefix {
				words = words[:len(words)-1]
			}
		}
		q = append(q, Term{Words: texts(words), Prefix: prefix && !not, Not: not})
		i = end
	}
	return q
}

func texts(list []Word) []string {
	out := make([]string, len(list))
	for i, w := range list {
		out[i] = w.Text
	}
	return out
}

// Wants reports whether anything is looked for.
func (q Question) Wants() bool {
	for _, t := range q {
		if !t.Not {
			return true
		}
	}
	return false
}

// Fits reports whether a text is what is looked for.
func (q Question) Fits(found []Word) bool {
	for _, t := range q {
		if (len(t.In(found)) > 0) == t.Not {
			return false
		}
	}
	return q.Wants()
}

// In returns where the term stands in a text, as pairs of words' places in the list.
func (t Term) In(found []Word) (at [][2]int) {
	for i := 0; i+len(t.Words) <= len(found); i++ {
		if t.at(found[i:]) {
			at = append(at, [2]int{i, i + len(t.Words)})
		}
	}
	return at
}

func (t Term) at(found []Word) bool {
	for i, word := range t.Words {
		if i == len(t.Words)-1 && t.Prefix {
			if !strings.HasPrefix(found[i].Text, word) {
				return false
			}
		} else if found[i].Text != word {
			return false
		}
	}
	return true
}
