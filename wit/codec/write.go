package codec

import (
	"encoding/base64"
	"math"
	"math/bits"
	"slices"
	"strconv"
	"unicode/utf8"
)

func itoa(n int) string { return strconv.Itoa(n) }

// Key appends a field's name, which is given with its quotes and colon (`"id":`), after a comma unless
// it is the object's first. It is not inlined, since generated code calls it for every field.
//
//go:noinline
func Key(b []byte, quoted string) []byte {
	if n := len(b); n > 0 && b[n-1] != '{' {
		b = append(b, ',')
	}
	return append(b, quoted...)
}

// Trim takes back a field whose value turned out to be the empty object: n is the length before its
// key was written.
func Trim(b []byte, n int) []byte {
	if e := len(b); e >= 3 && string(b[e-3:]) == ":{}" {
		return b[:n]
	}
	return b
}

// AppendBool appends true or false.
func AppendBool(b []byte, v bool) []byte { return strconv.AppendBool(b, v) }

// AppendInt appends a decimal number.
func AppendInt(b []byte, v int64) []byte { return strconv.AppendInt(b, v, 10) }

// AppendUint appends a decimal number.
func AppendUint(b []byte, v uint64) []byte { return strconv.AppendUint(b, v, 10) }

// AppendFloat appends the shortest number that reads back as v, and null for what JSON cannot say.
func AppendFloat(b []byte, v float64) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return append(b, "null"...)
	}
	format := byte('f')
	if abs := math.Abs(v); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(b, v, format, -1, 64)
}

// AppendBytes appends base64 in quotes.
func AppendBytes(b, v []byte) []byte {
	b = append(b, '"')
	b = base64.StdEncoding.AppendEncode(b, v)
	return append(b, '"')
}

const hex = "0123456789abcdef"

// AppendString appends s in quotes. Bytes that are not UTF-8 become U+FFFD.
func AppendString(b []byte, s string) []byte {
	b = append(slices.Grow(b, len(s)+2), '"')
	for {
		b, s = appendQuoted(b, s)
		n, ascii := plain(s)
		if ascii || utf8.ValidString(s[:n]) {
			b = append(b, s[:n]...)
		} else {
			b = appendValid(b, s[:n])
		}
		if n == len(s) {
			return append(b, '"')
		}
		b = appendEscape(b, s[n])
		s = s[n+1:]
	}
}

// appendQuoted appends the beginning of s up to where a piece begins in which nothing has to be escaped for longer, and
// returns the rest. It is for JSON in a string; see Reader.quoted.
func appendQuoted(b []byte, s string) ([]byte, string) {
	for since := 0; since < 16 && len(s) >= 8; {
		w := word(s)
		n := bits.TrailingZeros64(special(w)|w&high) / 8
		b = appendWord(b, w)[:len(b)+n]
		if since += n; n == 8 {
			s = s[8:]
			continue
		}
		c := s[n]
		if c != '"' && c != '\\' {
			return b, s[n:]
		}
		b = append(b, '\\', c)
		s = s[n+1:]
		since = 0
	}
	return b, s
}

// appendValid appends s with U+FFFD for each byte that is not UTF-8.
func appendValid(b []byte, s string) []byte {
	for _, c := range s {
		b = utf8.AppendRune(b, c)
	}
	return b
}

func appendEscape(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\n':
		return append(b, '\\', 'n')
	case '\r':
		return append(b, '\\', 'r')
	case '\t':
		return append(b, '\\', 't')
	}
	return append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}

// AppendStrings appends an array of strings of any string type.
func AppendStrings[S ~string](b []byte, list []S) []byte {
	b = append(b, '[')
	for i, s := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = AppendString(b, string(s))
	}
	return append(b, ']')
}

// AppendList appends an array.
func AppendList[T any, P interface {
	*T
	Appender
}](b []byte, list []T) []byte {
	b = append(b, '[')
	for i := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = P(&list[i]).AppendJSON(b)
	}
	return append(b, ']')
}
