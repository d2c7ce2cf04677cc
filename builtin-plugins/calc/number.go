package calc

import "strings"

// number is a fraction in lowest terms. Numbers are never changed once made.
type number struct {
	negative bool
	num      natural // numerator
	den      natural // denominator, never zero
	rough    bool    // it comes from floating point, so only its first digits mean anything
}

// maxDigits bounds numerators and denominators, and with them all work.
const maxDigits = 1000

func whole(n uint64) number { return number{num: small(n), den: natural{1}} }

// fraction returns num/den in lowest terms.
func fraction(negative bool, num, den natural) number {
	if len(num) == 0 {
		return whole(0)
	}
	if !den.isOne() {
		if common := num.gcd(den); !common.isOne() {
			num, _ = num.divide(common)
			den, _ = den.divide(common)
		}
	}
	return number{negative: negative, num: num, den: den}
}

// accurateAs marks a number that was worked out from others as rough if one of them is.
func (a number) accurateAs(others ...number) number {
	for _, b := range others {
		a.rough = a.rough || b.rough
	}
	return a
}

// parseNumber reads digits with at most one point among them, times 10 to the power of exponent.
func parseNumber(digits string, exponent int) number {
	before, after, _ := strings.Cut(digits, ".")
	num, shift := parseNatural(before+after), exponent-len(after)
	if shift >= 0 {
		return fraction(false, num.mul(ten(shift)), natural{1})
	}
	return fraction(false, num, ten(-shift))
}

func (a number) isZero() bool  { return len(a.num) == 0 }
func (a number) isWhole() bool { return a.den.isOne() }
func (a number) tooLong() bool { return a.num.digits() > maxDigits || a.den.digits() > maxDigits }

func (a number) neg() number {
	a.negative = !a.negative && !a.isZero()
	return a
}

func (a number) add(b number) number {
	x, y, den := a.num.mul(b.den), b.num.mul(a.den), a.den.mul(b.den)
	switch {
	case a.negative == b.negative:
		return fraction(a.negative, x.add(y), den).accurateAs(a, b)
	case x.cmp(y) >= 0:
		return fraction(a.negative, x.sub(y), den).accurateAs(a, b)
	}
	return fraction(b.negative, y.sub(x), den).accurateAs(a, b)
}

func (a number) sub(b number) number { return a.add(b.neg()) }

func (a number) mul(b number) number {
	return fraction(a.negative != b.negative, a.num.mul(b.num), a.den.mul(b.den)).accurateAs(a, b)
}

// div divides; b must not be zero.
func (a number) div(b number) number {
	return fraction(a.negative != b.negative, a.num.mul(b.den), a.den.mul(b.num)).accurateAs(a, b)
}

func (a number) less(b number) bool { return a.sub(b).negative }

// floor is the nearest whole number that is not above.
func (a number) floor() number {
	q, rest := a.num.divide(a.den)
	if a.negative && len(rest) > 0 {
		q = q.add(natural{1})
	}
	return fraction(a.negative, q, natural{1}).accurateAs(a)
}

// mod is what is left of a after whole multiples of b; it has b's sign. b must not be zero.
func (a number) mod(b number) number { return a.sub(b.mul(a.div(b).floor())) }

const (
	// shownDigits is how many digits are given of a decimal that is longer, or has no end.
	shownDigits = 30
	// roughDigits is how many digits of a rough number mean anything.
	roughDigits = 15
)

// String gives whole numbers and short decimals in full, and rounds others.
func (a number) String() string {
	sign := ""
	if a.negative {
		sign = "-"
	}
	if a.rough {
		return sign + a.shown(roughDigits)
	}
	if a.isWhole() {
		return sign + a.num.String()
	}
	if places, ends := a.places(); ends && places <= shownDigits+a.num.digits() {
		q, _ := a.num.mul(ten(places)).divide(a.den)
		if q.digits() <= shownDigits {
			return sign + decimal(q.String(), places)
		}
	}
	return sign + a.shown(shownDigits)
}

// shown is a without its sign, rounded to n digits.
func (a number) shown(n int) string {
	if a.isZero() {
		return "0"
	}
	// num/den is about 10^magnitude; places makes the quotient n digits long.
	places := n - (a.num.digits() - a.den.digits())
	q := rounded(a, places)
	if extra := q.digits() - n; extra > 0 {
		places -= extra
		q = rounded(a, places)
	}
	return decimal(q.String(), places)
}

// decimal writes digits times 10^-places, with an exponent where that is shorter to read.
func decimal(digits string, places int) string {
	if exponent := len(digits) - 1 - places; exponent < -7 || places < 0 {
		return scientific(digits, exponent)
	}
	return trimZeros(point(digits, places))
}

// rounded is a times 10^places, to the nearest whole number.
func rounded(a number, places int) natural {
	num, den := a.num, a.den
	if places >= 0 {
		num = num.mul(ten(places))
	} else {
		den = den.mul(ten(-places))
	}
	q, rest := num.divide(den)
	if rest.add(rest).cmp(den) >= 0 {
		q = q.add(natural{1})
	}
	return q
}

// places is how many digits after the point the decimal has, when it has an end.
func (a number) places() (n int, ends bool) {
	counts := [2]int{}
	rest := a.den
	for i, prime := range []uint32{2, 5} {
		for {
			q, r := rest.divideSmall(prime)
			if len(r) > 0 {
				break
			}
			rest = q
			counts[i]++
		}
	}
	return max(counts[0], counts[1]), rest.isOne()
}

// point sets the decimal point before the last places digits.
func point(digits string, places int) string {
	if places == 0 {
		return digits
	}
	if short := places + 1 - len(digits); short > 0 {
		digits = strings.Repeat("0", short) + digits
	}
	return digits[:len(digits)-places] + "." + digits[len(digits)-places:]
}

// scientific writes digits as one, a point, the others and an exponent.
func scientific(digits string, exponent int) string {
	return trimZeros(digits[:1]+"."+digits[1:]) + "e" + itoa(exponent)
}

// trimZeros takes off the zeros after the point that say nothing.
func trimZeros(digits string) string {
	if !strings.Contains(digits, ".") {
		return digits
	}
	return strings.TrimSuffix(strings.TrimRight(digits, "0"), ".")
}
