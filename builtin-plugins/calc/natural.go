package calc

import (
	"slices"
	"strconv"
	"strings"
)

// natural is a whole number from 0 up: limbs, which are digits to the base 1,000,000,000, the lowest first,
// without leading zeros. Naturals are never changed once made. (math/big would bring fmt along, which is half a
// megabyte in a guest.)
type natural []uint32

const (
	base       = 1_000_000_000
	baseDigits = 9
)

// small returns n as a natural.
func small(n uint64) natural {
	var out natural
	for ; n > 0; n /= base {
		out = append(out, uint32(n%base))
	}
	return out
}

// parseNatural reads decimal digits.
func parseNatural(digits string) natural {
	digits = strings.TrimLeft(digits, "0")
	var out natural
	for end := len(digits); end > 0; end -= baseDigits {
		limb, _ := strconv.ParseUint(digits[max(0, end-baseDigits):end], 10, 32)
		out = append(out, uint32(limb))
	}
	return out
}

func (a natural) String() string {
	if len(a) == 0 {
		return "0"
	}
	b := strconv.AppendUint(nil, uint64(a[len(a)-1]), 10)
	for i := len(a) - 2; i >= 0; i-- {
		limb := strconv.Itoa(int(a[i]))
		b = append(append(b, "000000000"[len(limb):]...), limb...)
	}
	return string(b)
}

// digits is the number of decimal digits, 0 for zero.
func (a natural) digits() int {
	if len(a) == 0 {
		return 0
	}
	return (len(a)-1)*baseDigits + len(strconv.Itoa(int(a[len(a)-1])))
}

func (a natural) isOne() bool { return len(a) == 1 && a[0] == 1 }

// cmp returns a number below, equal to or above 0, as a is to b.
func (a natural) cmp(b natural) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	for i := len(a) - 1; i >= 0; i-- {
		if a[i] != b[i] {
			return int(a[i]) - int(b[i])
		}
	}
	return 0
}

func (a natural) add(b natural) natural {
	if len(a) < len(b) {
		a, b = b, a
	}
	out := make(natural, 0, len(a)+1)
	carry := uint32(0)
	for i, limb := range a {
		sum := limb + carry
		if i < len(b) {
			sum += b[i]
		}
		carry = sum / base
		out = append(out, sum%base)
	}
	if carry > 0 {
		out = append(out, carry)
	}
	return out
}

// sub returns a-b; b must not be the larger one.
func (a natural) sub(b natural) natural {
	out := slices.Clone(a)
	borrow := uint32(0)
	for i := range out {
		take := borrow
		if i < len(b) {
			take += b[i]
		}
		borrow = 0
		if out[i] < take {
			out[i] += base
			borrow = 1
		}
		out[i] -= take
	}
	return out.trim()
}

// mul is long multiplication: within 1,000 digits nothing cleverer is faster.
func (a natural) mul(b natural) natural {
	out := make(natural, len(a)+len(b))
	for i, x := range a {
		carry := uint64(0)
		for j, y := range b {
			sum := uint64(x)*uint64(y) + uint64(out[i+j]) + carry
			out[i+j] = uint32(sum % base)
			carry = sum / base
		}
		out[i+len(b)] = uint32(carry)
	}
	return out.trim()
}

// divide returns the quotient and the remainder; b must not be zero.
func (a natural) divide(b natural) (quotient, rest natural) {
	if a.cmp(b) < 0 {
		return nil, a
	}
	if len(b) == 1 {
		return a.divideSmall(b[0])
	}
	// Long division. Scaling makes the divisor's first digit large, so that a digit guessed from the
	// first two of the rest is at most two too high.
	scale := small(base / (uint64(b[len(b)-1]) + 1))
	u, v := append(slices.Clone(a.mul(scale)), 0), b.mul(scale)
	n := len(v)
	quotient = make(natural, len(u)-n)
	for j := len(u) - n - 1; j >= 0; j-- {
		quotient[j] = guess(u[j:j+n+1], v)
	}
	rest, _ = u.trim().divide(scale)
	return quotient.trim(), rest
}

// guess finds one digit q of a quotient and takes q times v from u, which is one digit longer.
func guess(u, v natural) uint32 {
	n := len(v)
	top := uint64(u[n])*base + uint64(u[n-1])
	q, r := top/uint64(v[n-1]), top%uint64(v[n-1])
	for q >= base || q*uint64(v[n-2]) > r*base+uint64(u[n-2]) {
		q--
		if r += uint64(v[n-1]); r >= base {
			break
		}
	}
	borrow := int64(0)
	carry := uint64(0)
	for i := range n + 1 {
		carry += q * at(v, i)
		d := int64(u[i]) - int64(carry%base) - borrow
		carry /= base
		borrow = 0
		if d < 0 {
			d, borrow = d+base, 1
		}
		u[i] = uint32(d)
	}
	if borrow == 0 {
		return uint32(q)
	}
	over := uint32(0) // q was one too high: put v back once
	for i := range n + 1 {
		sum := u[i] + uint32(at(v, i)) + over
		over = sum / base
		u[i] = sum % base
	}
	return uint32(q - 1)
}

// at is the limb at i, 0 beyond the highest.
func at(v natural, i int) uint64 {
	if i < len(v) {
		return uint64(v[i])
	}
	return 0
}

// divideSmall is divide by one limb.
func (a natural) divideSmall(b uint32) (quotient, rest natural) {
	quotient = make(natural, len(a))
	r := uint64(0)
	for i := len(a) - 1; i >= 0; i-- {
		r = r*base + uint64(a[i])
		quotient[i] = uint32(r / uint64(b))
		r %= uint64(b)
	}
	return quotient.trim(), small(r)
}

// trim takes off leading zeros.
func (a natural) trim() natural {
	for len(a) > 0 && a[len(a)-1] == 0 {
		a = a[:len(a)-1]
	}
	return a
}

// gcd is the greatest common divisor.
func (a natural) gcd(b natural) natural {
	for len(b) > 0 {
		_, rest := a.divide(b)
		a, b = b, rest
	}
	return a
}

// root is the whole part of the square root.
func (a natural) root() natural {
	if len(a) == 0 {
		return nil
	}
	x := ten((a.digits() + 1) / 2) // not below the root; Newton's steps go down to it
	for {
		q, _ := a.divide(x)
		next, _ := x.add(q).divideSmall(2)
		if next.cmp(x) >= 0 {
			return x
		}
		x = next
	}
}

// ten is 10 to the power of n.
func ten(n int) natural {
	out := make(natural, n/baseDigits+1)
	limb := uint32(1)
	for range n % baseDigits {
		limb *= 10
	}
	out[n/baseDigits] = limb
	return out
}
