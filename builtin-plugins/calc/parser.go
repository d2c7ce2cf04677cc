package calc

import (
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

const (
	maxLength   = 1000      // bytes of an expression
	maxDepth    = 50        // of parentheses, signs and powers
	maxExponent = 500       // of a number such as 1e3
	maxWork     = 1_000_000 // see parser.work
)

// parser reads an expression from left to right and works it out on the way. The first problem sticks.
type parser struct {
	scanner
	depth int
	work  int // limbs of numerators times limbs of denominators: what reducing fractions costs
	err   error
}

func itoa(n int) string { return strconv.Itoa(n) }

// fail notes the first problem and goes to the end of the text, which ends every loop. It returns a number,
// so that callers can return what it returns.
func (p *parser) fail(pos int, problem string) number {
	if p.err == nil {
		p.err = wit.NewError(wit.CodeInvalid, "position "+itoa(pos+1)+": "+problem)
	}
	p.pos = len(p.text)
	return whole(0)
}

// parse works out the whole text. The error is `invalid`.
func (p *parser) parse() (number, error) {
	switch {
	case len(p.text) > maxLength:
		return number{}, wit.NewError(wit.CodeInvalid, "position "+itoa(maxLength+1)+": the expression is longer than "+itoa(maxLength)+" characters")
	case strings.TrimSpace(p.text) == "":
		return number{}, wit.NewError(wit.CodeInvalid, "position 1: the expression is empty; give one such as 2*(3+4)")
	}
	value := p.sum()
	if p.peek() != 0 {
		p.fail(p.pos, "expected an operator, found "+p.found())
	}
	return value, p.err
}

// bounded passes a value on unless it has grown too long.
func (p *parser) bounded(pos int, value number) number {
	p.work += len(value.num) * len(value.den)
	switch {
	case p.err != nil:
	case value.tooLong():
		return p.fail(pos, "the result has more than "+itoa(maxDigits)+" digits")
	case p.work > maxWork:
		return p.fail(pos, "there are too many long fractions in this; work it out in parts")
	}
	return value
}

// sum reads products between plus and minus signs.
func (p *parser) sum() number {
	value := p.product()
	for {
		pos := p.pos
		switch {
		case p.accept('+'):
			value = p.bounded(pos, value.add(p.product()))
		case p.accept('-'):
			value = p.bounded(pos, value.sub(p.product()))
		default:
			return value
		}
	}
}

// product reads signed values between the signs *, / and %.
func (p *parser) product() number {
	value := p.signed()
	for {
		op := p.peek()
		pos := p.pos
		switch op {
		case '*':
			p.pos++
			value = p.bounded(pos, value.mul(p.signed()))
		case '/', '%':
			p.pos++
			by := p.signed()
			switch {
			case p.err != nil:
			case by.isZero():
				return p.fail(pos, "division by zero")
			case op == '/':
				value = p.bounded(pos, value.div(by))
			default:
				value = p.bounded(pos, value.mod(by))
			}
		default:
			return value
		}
	}
}

// enter counts how deep the parser is, and leave counts back.
func (p *parser) enter() bool {
	if p.depth++; p.depth > maxDepth {
		p.fail(p.pos, "nested more than "+itoa(maxDepth)+" deep")
	}
	return p.err == nil
}

func (p *parser) leave() { p.depth-- }

// signed reads a sign, which binds less than a power: -2^2 is -4.
func (p *parser) signed() number {
	if !p.enter() {
		return whole(0)
	}
	defer p.leave()
	switch {
	case p.accept('-'):
		return p.signed().neg()
	case p.accept('+'):
		return p.signed()
	}
	value := p.postfix()
	if p.peek() != '^' {
		return value
	}
	pos := p.pos
	p.pos++
	exponent := p.signed()
	if p.err != nil {
		return value
	}
	return p.power(pos, value, exponent)
}

// postfix reads a value and what may follow it: ! for factorial, % for hundredths.
func (p *parser) postfix() number {
	value := p.operand()
	for p.err == nil {
		pos := p.pos
		switch {
		case p.peek() == '%' && !p.startsOperand(p.pos+1):
			p.pos++
			value = p.bounded(pos, value.div(whole(100)))
		case p.accept('!'):
			value = p.factorial(pos, value)
		default:
			return value
		}
	}
	return value
}

// operand reads what an operator works on: a number, a name, or something in parentheses.
func (p *parser) operand() number {
	c := p.peek()
	switch {
	case p.err != nil:
		return whole(0)
	case c == '(':
		return p.parentheses()
	case digit(c) || c == '.':
		return p.number()
	case letter(c):
		return p.name()
	}
	return p.fail(p.pos, "expected a number, found "+p.found())
}

func (p *parser) parentheses() number {
	opened := p.pos
	p.pos++
	value := p.sum()
	if p.err == nil && !p.accept(')') {
		if p.pos >= len(p.text) {
			return p.fail(opened, "this parenthesis is never closed")
		}
		return p.fail(p.pos, "expected an operator or ), found "+p.found())
	}
	return value
}

// number reads digits, a point, and an exponent such as e-3.
func (p *parser) number() number {
	start := p.pos
	points := 0
	for p.pos < len(p.text) && (digit(p.text[p.pos]) || p.text[p.pos] == '.') {
		if p.text[p.pos] == '.' {
			points++
		}
		p.pos++
	}
	digits := p.text[start:p.pos]
	if points > 1 || digits == "." {
		return p.fail(start, "this is no number: "+strconv.Quote(digits))
	}
	exponent := 0
	if rest := p.text[p.pos:]; len(rest) > 1 && (rest[0] == 'e' || rest[0] == 'E') {
		end := 1
		if rest[1] == '-' || rest[1] == '+' {
			end = 2
		}
		from := end
		for end < len(rest) && digit(rest[end]) {
			end++
		}
		if end > from {
			n, err := strconv.Atoi(rest[1:end])
			if err != nil || n > maxExponent || n < -maxExponent {
				return p.fail(start, "exponents go from -"+itoa(maxExponent)+" to "+itoa(maxExponent))
			}
			exponent = n
			p.pos += end
		}
	}
	return p.bounded(start, parseNumber(digits, exponent))
}
