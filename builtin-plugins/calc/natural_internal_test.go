package calc

import (
	"math/big"
	"strings"
	"testing"
)

func TestNaturalAgreesWithBig(t *testing.T) {
	values := []string{
		"0", "1", "2", "9", "10", "999999999", "1000000000", "1000000001", "999999999999999999",
		"1000000000000000000", "1" + strings.Repeat("0", 200), strings.Repeat("9", 200),
		"123456789" + strings.Repeat("0", 90) + "987654321", strings.Repeat("8", 101),
		"500000000" + strings.Repeat("9", 27), "4999999999999999999999999999", "999999999000000000999999999",
	}
	for _, x := range values {
		for _, y := range values {
			compare(t, x, y)
		}
	}
}

func compare(t *testing.T, x, y string) {
	t.Helper()
	a, b := parseNatural(x), parseNatural(y)
	p, _ := new(big.Int).SetString(x, 10)
	q, _ := new(big.Int).SetString(y, 10)
	check := func(what string, got natural, want *big.Int) {
		if got.String() != want.String() {
			t.Errorf("%s %s %s is %s, want %s", x, what, y, got, want)
		}
	}
	check("+", a.add(b), new(big.Int).Add(p, q))
	check("*", a.mul(b), new(big.Int).Mul(p, q))
	check("gcd", a.gcd(b), new(big.Int).GCD(nil, nil, p, q))
	check("root", a.root(), new(big.Int).Sqrt(p))
	if c := a.cmp(b); (c < 0) != (p.Cmp(q) < 0) || (c == 0) != (p.Cmp(q) == 0) {
		t.Errorf("%s cmp %s is %d", x, y, c)
	}
	if p.Cmp(q) >= 0 {
		check("-", a.sub(b), new(big.Int).Sub(p, q))
	}
	if q.Sign() > 0 {
		quotient, rest := a.divide(b)
		m := new(big.Int)
		d, _ := new(big.Int).QuoRem(p, q, m)
		check("/", quotient, d)
		check("%", rest, m)
	}
}

func FuzzNatural(f *testing.F) {
	f.Add([]byte("12345678901234567890"), []byte("987654321"))
	f.Fuzz(func(t *testing.T, x, y []byte) {
		if len(x) > 300 || len(y) > 300 {
			return
		}
		compare(t, digitsOf(x), digitsOf(y))
	})
}

// digitsOf makes a decimal number of any bytes, with long runs of zeros and nines.
func digitsOf(data []byte) string {
	var b strings.Builder
	for _, c := range data {
		switch {
		case c > 240:
			b.WriteString("999999999")
		case c > 220:
			b.WriteString("000000000")
		default:
			b.WriteByte('0' + c%10)
		}
	}
	return "0" + b.String()
}
