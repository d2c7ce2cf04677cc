package calc

import "strings"

// number is a fraction in lowest terms.
type number struct {
	negative bool
	over     natural // numerator
	under    natural // denominator, never zero
	rough    bool    // it comes from floating point, so only its first digits mean anything
}

// maxDigits bounds numerators and denominators, and with them all work.
const maxDigits = 1000

func whole(n uint64) number { return number{over: small(n), under: natural{1}} }

// fraction returns over/under in lowest terms.
func fraction(negative bool, over, under natural) number {
	if len(over) == 0 {
		return whole(0)
	}
	if !under.isOne() {
		if common := over.gcd(under); !common.isOne() {
			over, _ = over.divide(common)
			under, _ = under.divide(common)
		}
	}
	return number{negative: negative, over: over, under: under}
}

// like marks a number that was worked out from others as rough if one of them is.
func (a number) like(others ...number) number {
	for _, b := range others {
		a.rough = a.rough || b.rough
	}
	return a
}

// parseNumber reads digits with at most one point among them, times 10 to the power of exponent.
func parseNumber(digits string, exponent int) number {
	before, after, _ := strings.Cut(digits, ".")
	over, shift := parseNatural(before+after), exponent-len(after)
	if shift >= 0 {
		return fraction(false, over.mul(ten(shift)), natural{1})
	}
	return fraction(false, over, ten(-shift))
}

func (a number) isZero() bool  { return len(a.over) == 0 }
func (a number) isWhole() bool { return a.under.isOne() }
func (a number) tooLong() bool { return a.over.digits() > maxDigits || a.under.digits() > maxDigits }

func (a number) neg() number {
	a.negative = !a.negative && !a.isZero()
	return a
}

func (a number) add(b number) number {
	x, y, under := a.over.mul(b.under), b.over.mul(a.under), a.under.mul(b.under)
	switch {
	case a.negative == b.negative:
		return fraction(a.negative, x.add(y), under).like(a, b)
	case x.cmp(y) >= 0:
		return fraction(a.negative, x.sub(y), under).like(a, b)
	}
	return fraction(b.negative, y.sub(x), under).like(a, b)
}

func (a number) sub(b number) number { return a.add(b.neg()) }

func (a number) mul(b number) number {
	return fraction(a.negative != b.negative, a.over.mul(b.over), a.under.mul(b.under)).like(a, b)
}

// div divides; b must not be zero.
func (a number) div(b number) number {
	return fraction(a.negative != b.negative, a.over.mul(b.under), a.under.mul(b.over)).like(a, b)
}

func (a number) less(b number) bool { return a.sub(b).negative }

// floor is the nearest whole number that is not above.
func (a number) floor() number {
	q, rest := a.over.divide(a.under)
	if a.negative && len(rest) > 0 {
		q = q.add(natural{1})
	}
	return fraction(a.negative, q, natural{1}).like(a)
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
		return sign + a.over.String()
	}
	if places, ends := a.places(); ends && places <= shownDigits+a.over.digits() {
		q, _ := a.over.mul(ten(places)).divide(a.under)
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
	// over/under is about 10^magnitude; places makes the quotient n digits long.
	places := n - (a.over.digits() - a.under.digits())
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
	over, under := a.over, a.under
	if places >= 0 {
		over = over.mul(ten(places))
	} else {
		under = under.mul(ten(-places))
	}
	q, rest := over.divide(under)
	if rest.add(rest).cmp(under) >= 0 {
		q = q.add(natural{1})
	}
	return q
}

// places is how many digits after the point the decimal has, when it has an end.
func (a number) places() (n int, ends bool) {
	counts := [2]int{}
	rest := a.under
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

// point sets a decimal point before the last places digits.
func point(digits string, places int) string {
	if places == 0 {
		return digits
	}
	if short := places + 1 - len(digits); short > 0 {
		digits = strings.Repeat("0", short) + digits
	}
	return digits[:len(digits)-places] + "." + digits[len(digits)-places:]
}

func scientific(digits string, exponent int) string {
	return trimZeros(digits[:1]+"."+digits[1:]) + "e" + itoa(exponent)
}

func trimZeros(digits string) string {
	if !strings.Contains(digits, ".") {
		return digits
	}
	return strings.TrimSuffix(strings.TrimRight(digits, "0"), ".")
}
