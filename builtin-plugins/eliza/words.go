package eliza

import (
	"strings"
	"unicode"
)

// word is a word as it was written, and as it is compared.
type word struct{ written, folded string }

const (
	// maxMessage bounds how much of a message is read, in bytes.
	maxMessage = 2000
	// maxClause bounds a clause, in words, and with it the work of matching.
	maxClause = 60
)

// split cuts a message into clauses of words. Of a message without a single Latin word nothing is left.
func split(message string) [][]word {
	if len(message) > maxMessage {
		message = strings.ToValidUTF8(message[:maxMessage], "")
	}
	var clauses [][]word
	var clause []word
	end := func() {
		if len(clause) > 0 {
			clauses = append(clauses, clause)
			clause = nil
		}
	}
	for _, field := range strings.Fields(strings.ReplaceAll(message, "’", "'")) {
		bare := strings.TrimFunc(field, notInWord)
		folded := strings.ToLower(bare)
		if folded == "but" || folded == "however" {
			end()
			continue
		}
		if latin(bare) && len(clause) < maxClause {
			clause = append(clause, expand(bare, folded)...)
		}
		if strings.ContainsAny(field[len(field)-1:], ".,!?;:)") {
			end()
		}
	}
	end()
	return clauses
}

// notInWord reports whether c is punctuation around a word.
func notInWord(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) && c != '\'' }

func latin(s string) bool {
	return strings.ContainsFunc(s, func(c rune) bool { return unicode.Is(unicode.Latin, c) })
}

// expand writes contractions out: a person's "I'm" is "I am".
func expand(written, folded string) []word {
	long, ok := contractions[folded]
	if !ok {
		return []word{{written, folded}}
	}
	var words []word
	for _, w := range strings.Fields(long) {
		words = append(words, word{w, strings.ToLower(w)})
	}
	return words
}

// match lays pattern over a clause: * stands for any number of words, a|b for one of some, and other
// words for themselves. It returns what each * covers.
func match(pattern string, clause []word) (groups [][]word, ok bool) {
	return matchFields(strings.Fields(pattern), clause)
}

// matchFields tries the shortest stretch for a * first, and goes back when the rest does not fit.
func matchFields(pattern []string, clause []word) ([][]word, bool) {
	if len(pattern) == 0 {
		return nil, len(clause) == 0
	}
	if pattern[0] != "*" {
		if len(clause) == 0 || !isOneOf(clause[0].folded, strings.ReplaceAll(pattern[0], "|", " ")) {
			return nil, false
		}
		return matchFields(pattern[1:], clause[1:])
	}
	for n := range len(clause) + 1 {
		if groups, ok := matchFields(pattern[1:], clause[n:]); ok {
			return append([][]word{clause[:n]}, groups...), true
		}
	}
	return nil, false
}

// fill puts what was covered into a reply: $1 is the first group, seen from the other side.
func fill(reply string, groups [][]word) string {
	for i, group := range groups {
		place := "$" + string(rune('1'+i))
		reply = strings.ReplaceAll(reply, place, reflect(group))
	}
	return tidy(reply)
}

// tidy closes the gaps that empty groups leave.
func tidy(reply string) string {
	reply = strings.Join(strings.Fields(reply), " ")
	for _, mark := range []string{"?", ".", ",", "!"} {
		reply = strings.ReplaceAll(reply, " "+mark, mark)
	}
	return reply
}

// reflect turns words round, so that "I love my dog" is "you love your dog".
func reflect(words []word) string {
	var said []string
	for i, w := range words {
		turned, ok := reflections[w.folded]
		switch {
		case w.folded == "you" && (i == len(words)-1 || i > 0 && isOneOf(words[i-1].folded, prepositions)):
			turned = "me"
		case w.folded == "are" && i > 0 && words[i-1].folded == "you":
			turned = "am"
		case w.folded == "were" && i > 0 && words[i-1].folded == "you":
			turned = "was"
		case !ok:
			turned = w.written
		}
		said = append(said, turned)
	}
	return strings.Join(said, " ")
}

// prepositions come before a "you" that is turned to "me".
const prepositions = "to for with from about of at by on like than without against"

// reflections are the words for oneself and the other, turned round.
var reflections = map[string]string{
	"i": "you", "me": "you", "my": "your", "mine": "yours", "myself": "yourself", "am": "are",
	"was": "were", "you": "I", "your": "my", "yours": "mine", "yourself": "myself",
	"we": "you", "us": "you", "our": "your", "ours": "yours", "ourselves": "yourselves",
}

// contractions are written out before patterns are matched, so that patterns need one form only.
var contractions = map[string]string{
	"i'm": "I am", "im": "I am", "i've": "I have", "ive": "I have", "i'd": "I would", "i'll": "I will",
	"you're": "you are", "you've": "you have", "you'd": "you would", "you'll": "you will",
	"he's": "he is", "she's": "she is", "it's": "it is", "that's": "that is", "what's": "what is",
	"we're": "we are", "they're": "they are", "can't": "cannot", "cant": "cannot", "don't": "do not",
	"dont": "do not", "doesn't": "does not", "didn't": "did not", "won't": "will not",
	"wasn't": "was not", "isn't": "is not", "aren't": "are not", "couldn't": "could not",
	"wouldn't": "would not", "shouldn't": "should not", "haven't": "have not", "everybody": "everyone",
}
