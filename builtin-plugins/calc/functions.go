package calc

import (
	"math"
	"strconv"
	"strings"
)

// maxArguments bounds the arguments of min and max.
const maxArguments = 20

// pi and e, to more digits than are ever shown.
const (
	piDigits = "3.14159265358979323846264338327950288419716939937510"
	eDigits  = "2.71828182845904523536028747135266249775724709369995"
)

// name reads a constant, or a function with its arguments.
func (p *parser) name() number {
	start := p.pos
	for p.pos < len(p.text) && (letter(p.text[p.pos]) || digit(p.text[p.pos])) {
		p.pos++
	}
	name := strings.ToLower(p.text[start:p.pos])
	switch {
	case p.peek() == '(':
		return p.function(start, name)
	case name == "pi":
		return parseNumber(piDigits, 0)
	case name == "e":
		return parseNumber(eDigits, 0)
	}
	return p.fail(start, "unknown name "+strconv.Quote(name)+"; constants are pi and e, functions need parentheses")
}

// function calls a function by its name. start is where the name begins, for errors.
func (p *parser) function(start int, name string) number {
	args := p.arguments()
	if p.err != nil {
		return whole(0)
	}
	switch name {
	case "min", "max":
		best := args[0]
		for _, arg := range args[1:] {
			if arg.less(best) == (name == "min") {
				best = arg
			}
		}
		return best
	}
	if len(args) != 1 {
		return p.fail(start, name+" takes one argument, not "+itoa(len(args)))
	}
	if value, ok := p.exact(start, name, args[0]); ok {
		return p.bounded(start, value)
	}
	if f, ok := approximate(name); ok {
		return p.approximated(start, name, f(args[0].float()))
	}
	return p.fail(start, "unknown function "+strconv.Quote(name)+"; there are abs, ceil, floor, round, sqrt, cbrt, fact, min, max, "+
		"sin, cos, tan, asin, acos, atan, exp, ln, log and log2")
}

// arguments reads the values between parentheses; nil when something is wrong with them.
func (p *parser) arguments() []number {
	if !p.enter() {
		return nil
	}
	defer p.leave()
	opened := p.pos
	p.pos++
	var args []number
	for p.err == nil {
		args = append(args, p.sum())
		switch {
		case p.err != nil:
		case len(args) > maxArguments:
			p.fail(p.pos, "more than "+itoa(maxArguments)+" arguments")
		case p.accept(')'):
			return args
		case p.accept(','):
		case p.pos >= len(p.text):
			p.fail(opened, "this parenthesis is never closed")
		default:
			p.fail(p.pos, "expected , or ), found "+p.found())
		}
	}
	return nil
}

// exact works out the functions whose results are exact, or square roots.
func (p *parser) exact(start int, name string, a number) (number, bool) {
	switch name {
	case "abs":
		a.negative = false
		return a, true
	case "floor":
		return a.floor(), true
	case "ceil":
		return a.neg().floor().neg(), true
	case "round":
		return a.round(), true
	case "fact":
		return p.factorial(start, a), true
	case "sqrt":
		if a.negative {
			return p.fail(start, "the square root of a negative number is not real"), true
		}
		return a.root(), true
	}
	return number{}, false
}

// round goes to the nearest whole number, and from the middle away from zero.
func (a number) round() number {
	negative := a.negative
	a.negative = false
	a = a.add(number{num: natural{1}, den: natural{2}}).floor()
	if negative {
		return a.neg()
	}
	return a
}

// rootDigits is how many digits after the point a root has that does not come out even.
const rootDigits = 34

// root is the square root of a number that is not negative.
func (a number) root() number {
	num, den := a.num.root(), a.den.root()
	if num.mul(num).cmp(a.num) == 0 && den.mul(den).cmp(a.den) == 0 {
		return fraction(false, num, den).accurateAs(a)
	}
	places := rootDigits + max(0, a.den.digits()-a.num.digits())
	scale := ten(places)
	scaled := a.num.mul(a.den).mul(scale).mul(scale)
	return fraction(false, scaled.root(), a.den.mul(scale)).accurateAs(a)
}

// factorial multiplies up to a, and stops as soon as the result grows too long.
func (p *parser) factorial(pos int, a number) number {
	n, ok := a.count()
	if !ok || a.negative {
		return p.fail(pos, "factorials are of whole numbers from 0 up")
	}
	value := whole(1)
	for i := uint64(2); i <= n; i++ {
		if value = p.bounded(pos, value.mul(whole(i))); p.err != nil {
			break
		}
	}
	return value
}

// count returns a whole number that is small enough to count to, without its sign.
func (a number) count() (n uint64, ok bool) {
	if !a.isWhole() || len(a.num) > 1 {
		return 0, false
	}
	return at(a.num, 0), true
}

// power raises a to b: exactly where b is a whole number, by root where it is a half.
func (p *parser) power(pos int, a, b number) number {
	n, ok := b.count()
	switch {
	case a.isZero() && b.negative:
		return p.fail(pos, "division by zero")
	case ok:
		return p.wholePower(pos, a, n, b.negative)
	case b.isWhole() && (a.isZero() || a.num.isOne() && a.isWhole()):
		return p.wholePower(pos, a, 2-uint64(b.num[0]%2), false) // 0, 1 or -1, however high the power
	case a.negative && !b.isWhole():
		return p.fail(pos, "a fractional power of a negative number is not real")
	case a.isZero():
		return a
	case b.den.cmp(natural{2}) == 0 && b.num.isOne() && !b.negative:
		return p.bounded(pos, a.root())
	}
	return p.approximated(pos, "the power", math.Pow(a.float(), b.float()))
}

// wholePower raises numerator and denominator, which stay in lowest terms.
func (p *parser) wholePower(pos int, a number, n uint64, inverse bool) number {
	if a.isZero() || a.num.isOne() && a.isWhole() {
		n = min(n, 2-n%2)
	}
	value := number{
		negative: a.negative && n%2 == 1,
		num:      p.naturalPower(pos, a.num, n),
		den:      p.naturalPower(pos, a.den, n),
		rough:    a.rough,
	}
	if p.err != nil {
		return whole(0)
	}
	if inverse {
		value.num, value.den = value.den, value.num
	}
	return p.bounded(pos, value)
}

// naturalPower squares and multiplies, and stops as soon as the result grows too long.
func (p *parser) naturalPower(pos int, a natural, n uint64) natural {
	value := natural{1}
	for bit := uint64(1) << 62; bit > 0 && p.err == nil; bit >>= 1 {
		value = value.mul(value)
		if n&bit != 0 {
			value = value.mul(a)
		}
		p.bounded(pos, number{num: value, den: natural{1}})
	}
	return value
}

// float is the nearest floating-point number.
func (a number) float() float64 {
	places := shownDigits - (a.num.digits() - a.den.digits())
	f, _ := strconv.ParseFloat(rounded(a, places).String()+"e"+itoa(-places), 64) // out of range is ±Inf
	if a.negative {
		return -f
	}
	return f
}

func approximate(name string) (f func(float64) float64, ok bool) {
	switch name {
	case "sin":
		return math.Sin, true
	case "cos":
		return math.Cos, true
	case "tan":
		return math.Tan, true
	case "asin":
		return math.Asin, true
	case "acos":
		return math.Acos, true
	case "atan":
		return math.Atan, true
	case "exp":
		return math.Exp, true
	case "ln":
		return math.Log, true
	case "log":
		return math.Log10, true
	case "log2":
		return math.Log2, true
	case "cbrt":
		return math.Cbrt, true
	}
	return nil, false
}

// tiny is below the precision of floating-point results around 1, such as that of sin(pi).
const tiny = 1e-15

// approximated takes a floating-point result as the number of its first 15 digits.
func (p *parser) approximated(pos int, what string, f float64) number {
	switch {
	case math.IsNaN(f):
		return p.fail(pos, what+" has no real value there")
	case math.IsInf(f, 0):
		return p.fail(pos, what+" is too large there")
	case math.Abs(f) < tiny:
		return whole(0)
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(math.Abs(f), 'e', 14, 64), "e")
	n, _ := strconv.Atoi(exponent)
	value := parseNumber(mantissa, n)
	value.negative, value.rough = f < 0, true
	return p.bounded(pos, value)
}
