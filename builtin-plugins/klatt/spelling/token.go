package spelling

import "strings"

// letters are how the names of the letters are said.
const letters table = `
a EY1
b B IY1
c S IY1
d D IY1
e IY1
f EH1 F
g JH IY1
h EY1 CH
i AY1
j JH EY1
k K EY1
l EH1 L
m EH1 M
n EH1 N
o OW1
p P IY1
q K Y UW1
r AA1 R
s EH1 S
t T IY1
u Y UW1
v V IY1
w D AH1 B AX L Y UW
x EH1 K S
y W AY1
z Z IY1
`

// signs are words for what is no letter and no digit.
const signs table = `
& and
+ plus
= equals
@ at
% percent
# number
/ slash
° degrees
< less than
> greater than
× times
÷ divided by
± plus or minus
≈ about
½ one half
¼ one quarter
¾ three quarters
§ section
© copyright
→ to
`

// coin is one of a currency, and money several.
const (
	coin table = `
$ dollar
€ euro
£ pound
¥ yen
`
	money table = `
$ dollars
€ euros
£ pounds
¥ yen
`
)

// short are abbreviations, without their points.
const short table = `
mr mister
mrs misses
dr doctor
prof professor
st street
vs versus
etc et cetera
eg for example
ie that is
approx about
no number
jan january
feb february
aug august
sept september
oct october
nov november
dec december
mon monday
tue tuesday
wed wednesday
thu thursday
fri friday
am a m
pm p m
`

// measures are units, after a number.
const measures table = `
km kilometers
m meters
cm centimeters
mm millimeters
kg kilograms
g grams
mg milligrams
l liters
ml milliliters
s seconds
ms milliseconds
h hours
min minutes
kb kilobytes
mb megabytes
gb gigabytes
tb terabytes
hz hertz
khz kilohertz
mhz megahertz
ghz gigahertz
w watts
kw kilowatts
v volts
c celsius
f fahrenheit
am a m
pm p m
k thousand
x times
`

// token is a part of what stands between blanks: letters, digits, or one sign.
type token struct {
	kind kind
	text string // letters as they were written
}

type kind uint8

const (
	word kind = iota
	digits
	sign
)

// tokens cuts what stands between blanks. Letters of camelCase are cut apart too.
func tokens(text string) (list []token) {
	var last rune
	for _, c := range text {
		k := sign
		switch {
		case c >= '0' && c <= '9':
			k = digits
		case isLetter(c) || c == '\'' && isLetter(last):
			k = word
		}
		n := len(list)
		if n > 0 && k != sign && list[n-1].kind == k && !(isLower(last) && isUpper(c)) {
			list[n-1].text += string(c)
		} else {
			list = append(list, token{k, string(c)})
		}
		last = c
	}
	return list
}

func isLower(c rune) bool  { return c >= 'a' && c <= 'z' }
func isUpper(c rune) bool  { return c >= 'A' && c <= 'Z' }
func isLetter(c rune) bool { return isLower(c) || isUpper(c) }

// read says letters as a word, or one by one where they are none.
func read(text string) []Word {
	small := strings.Trim(strings.ToLower(text), "'")
	if small == "" {
		return nil
	}
	if w := lookup(small); w != nil && (small != text || len(small) > 1 || small == "a") && !(text == "US") {
		return []Word{w}
	}
	if len(small) > 1 && !acronym(text, small) {
		return []Word{Say(small)}
	}
	var list []Word
	for i := range len(small) {
		if c := small[i]; c != '\'' {
			list = append(list, parse(letters.find(string(c))))
		}
	}
	return list
}

// acronym reports whether letters are read one by one: a few capitals, or no vowel among them.
func acronym(text, small string) bool {
	capitals := strings.TrimSuffix(text, "s")
	return len(capitals) <= 4 && len(capitals) > 1 && strings.ToUpper(capitals) == capitals || !strings.ContainsAny(small, "aeiouy") && len(small) < 6
}

// say is the words of plain small letters.
func say(words ...string) (list []Word) {
	for _, phrase := range words {
		for _, w := range strings.Fields(phrase) {
			if len(w) == 1 {
				list = append(list, parse(letters.find(w)))
			} else {
				list = append(list, Say(w))
			}
		}
	}
	return list
}
