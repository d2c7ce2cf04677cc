package spelling_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/klatt/phone"
	"github.com/carapace-gateway/carapace/builtin-plugins/klatt/spelling"
)

// TestWords: words of the lexicon, with endings, and words that only the rules know.
func TestWords(t *testing.T) {
	for word, want := range map[string]string{
		"hello": "HH AX L OW1", "the": "DH AX", "working": "W ER1 K IH NG", "started": "S T AA1 R T IH D", "messages": "M EH1 S AX JH IH Z",
		"babies": "B EY1 B IY Z", "asked": "AE1 S K T", "ann's": "AE1 N Z", "cat": "K AE1 T", "phone": "F OW1 N", "light": "L AY1 T", "nation": "N EY1 SH AX N",
		"tree": "T R IY1", "make": "M EY1 K", "shop": "SH AA1 P", "knee": "N IY1", "queen": "K W IY1 N", "singing": "S IH1 NG IH NG", "dogs": "D AO1 G Z",
		"church": "CH ER1 CH", "judge": "JH AH1 JH", "think": "TH IH1 NG K", "house": "HH AW1 S", "boy": "B OY1", "telephones": "T EH1 L AX F OW N Z",
		"electric": "EH L EH1 K T R IH K", "happy": "HH AE1 P IY",
	} {
		if got := spelling.Say(word).String(); got != want {
			t.Errorf("%s is said %s, want %s", word, got, want)
		}
	}
}

// TestText: numbers, times, dates, money, abbreviations and signs are said as words.
func TestText(t *testing.T) {
	for text, want := range map[string]string{
		"42": "forty two", "1,234": "one thousand two hundred and thirty four", "3.14": "three point one four", "-5": "minus five", "007": "zero zero seven",
		"1984": "nineteen eighty four", "2005": "two thousand five", "21st": "twenty first", "20th": "twentieth", "50%": "fifty percent",
		"$12.50": "twelve dollars fifty", "€1": "one euro", "10:30": "ten thirty", "2026-11-29": "november twenty ninth twenty twenty six",
		"5 km": "five kay em", "5km": "five kilometers", "Dr. Who": "doctor who", "e.g. tea": "for example tea", "X & B": "eks and bee", "3-5": "three to five",
		"https://go.dev/doc": "go dot dev slash doc", "USB": "you ess bee", "html": "aitch tee em ell", "fooBar": "foo bar", "Café": "cafe", "GPT4": "jee pee tee four",
		"12345678901234": "one two three four five six seven eight nine zero one two three four",
	} {
		if got, want := sounds(spelling.Read(text)), sounds(spelling.Read(want)); got != want {
			t.Errorf("%s is said %s, want %s", text, got, want)
		}
	}
}

func sounds(clauses []spelling.Clause) string {
	var words []string
	for _, c := range clauses {
		for _, w := range c.Words {
			words = append(words, strings.ReplaceAll(w.String(), "1", ""))
		}
	}
	return strings.Join(words, " | ")
}

// TestClauses: where the voice takes a breath, and how it ends.
func TestClauses(t *testing.T) {
	for text, want := range map[string]string{
		"Yes, it is. Is it? Where is it?": "1, 2. 2? 3.", "one\n\ntwo": "1. 1.", "Mr. Fox is here!": "4.", "(well) — maybe": "1, 1.", "": "", "...": "", "🙂 你好": "",
		strings.Repeat("go ", 60): "25, 25, 10.",
	} {
		var got []string
		for _, c := range spelling.Read(text) {
			got = append(got, strconv.Itoa(len(c.Words))+[...]string{",", ".", "?"}[c.End])
		}
		if got := strings.Join(got, " "); got != want {
			t.Errorf("%q is cut into %s, want %s", text, got, want)
		}
	}
}

// FuzzRead: whatever the text is, it ends, and has only sounds that there are.
func FuzzRead(f *testing.F) {
	for _, text := range []string{"Hello, world", "$1,2.3.4:5-6/7", "'''", "x'd've", "\xff\xfe", "-", "1:2:3", "0:0", "$", "a.b.c", "ſ", "...!?", "12:3", "st. nd 1st", "1e9"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, c := range spelling.Read(text) {
			for _, w := range c.Words {
				for _, s := range w {
					if phone.Find(s.Symbol) == nil {
						t.Fatalf("%q has the sound %q", text, s.Symbol)
					}
				}
			}
		}
	})
}

// TestTables: every sound of the lexicon and the rules is one that there is, as every letter is a word.
func TestTables(t *testing.T) {
	for c := 'a'; c <= 'z'; c++ {
		for _, word := range []string{string(c), string(c) + string(c), "a" + string(c) + "a", string(c) + "e"} {
			for _, s := range spelling.Say(word) {
				if phone.Find(s.Symbol) == nil {
					t.Errorf("%s has the sound %q", word, s.Symbol)
				}
			}
		}
	}
}
