package spelling

import "strings"

var units = [...]string{"zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
	"thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"}

var tens = [...]string{2: "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"}

var thousands = [...]string{"", "thousand", "million", "billion", "trillion"}

// maxDigits is how long a number may be that is said as one; what is longer, such as a telephone number, is read digit by digit.
const maxDigits = 12

// cardinal says how many, of digits alone. What begins with zeros is read digit by digit too.
func cardinal(digits string) []string {
	if len(digits) > maxDigits || len(digits) > 1 && digits[0] == '0' {
		return spelt(digits)
	}
	n := 0
	for i := range len(digits) {
		n = n*10 + int(digits[i]-'0')
	}
	if n == 0 {
		return []string{units[0]}
	}
	var words []string
	for power, scale := len(thousands)-1, 1_000_000_000_000; power >= 0; power, scale = power-1, scale/1000 {
		if part := n / scale % 1000; part > 0 {
			words = append(words, hundreds(part)...)
			if power > 0 {
				words = append(words, thousands[power])
			}
		}
	}
	return words
}

func hundreds(n int) (words []string) {
	if n >= 100 {
		words = append(words, units[n/100], "hundred")
		if n%100 > 0 {
			words = append(words, "and")
		}
	}
	return append(words, pair(n%100)...)
}

func pair(n int) []string {
	switch {
	case n == 0:
		return nil
	case n < len(units):
		return []string{units[n]}
	case n%10 == 0:
		return []string{tens[n/10]}
	}
	return []string{tens[n/10], units[n%10]}
}

// spelt reads digit by digit.
func spelt(digits string) []string {
	words := make([]string, 0, len(digits))
	for i := range len(digits) {
		words = append(words, units[digits[i]-'0'])
	}
	return words
}

// year says four digits as years are said, and others as a number.
func year(digits string) []string {
	if len(digits) != 4 || digits[0] != '1' && digits[0] != '2' || digits[1] == '0' && digits[2] == '0' {
		return cardinal(digits)
	}
	century, rest := pair(number(digits[:2])), number(digits[2:])
	switch {
	case digits[1] == '0' && digits[0] == '1':
		return cardinal(digits)
	case rest == 0:
		return append(century, "hundred")
	case rest < 10:
		return append(century, "oh", units[rest])
	}
	return append(century, pair(rest)...)
}

// number is the value of a few digits.
func number(digits string) int {
	n := 0
	for i := range len(digits) {
		n = n*10 + int(digits[i]-'0')
	}
	return n
}

const ordinals table = `
one first
two second
three third
five fifth
eight eighth
nine ninth
twelve twelfth
`

// ordinal says which one: twenty first.
func ordinal(digits string) []string {
	words := cardinal(digits)
	last := &words[len(words)-1]
	switch {
	case ordinals.find(*last) != "":
		*last = ordinals.find(*last)
	case strings.HasSuffix(*last, "y"):
		*last = strings.TrimSuffix(*last, "y") + "ieth"
	default:
		*last += "th"
	}
	return words
}

// decimal says a number with a part after its point.
func decimal(whole, part string) []string {
	if whole == "" {
		whole = "0"
	}
	return append(append(cardinal(whole), "point"), spelt(part)...)
}
