package slack

import "strings"

// form is the parameters of a call, or of what Slack posts, in the order in which they stand
// (application/x-www-form-urlencoded).
type form []field

type field struct{ name, value string }

// with returns f with one more parameter; an empty one is left out.
func (f form) with(name, value string) form {
	if value == "" {
		return f
	}
	return append(f, field{name, value})
}

// get returns the first parameter of a name, "" for none.
func (f form) get(name string) string {
	for _, field := range f {
		if field.name == name {
			return field.value
		}
	}
	return ""
}

// encode writes the form as a body.
func (f form) encode() string {
	var b strings.Builder
	for i, field := range f {
		if i > 0 {
			b.WriteByte('&')
		}
		escape(&b, field.name)
		b.WriteByte('=')
		escape(&b, field.value)
	}
	return b.String()
}

const hexDigits = "0123456789ABCDEF"

// escape writes all but letters, digits, - . and _ as %XX.
func escape(b *strings.Builder, s string) {
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '.', c == '_':
			b.WriteByte(c)
		case c == ' ':
			b.WriteByte('+')
		default:
			b.WriteByte('%')
			b.WriteByte(hexDigits[c>>4])
			b.WriteByte(hexDigits[c&15])
		}
	}
}

// maxFields bounds what is read of a form. Slack sends about twenty.
const maxFields = 100

// parseForm reads a body. What is no escape stays as it is.
func parseForm(body string) (f form) {
	for pair := range strings.SplitSeq(body, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if f = append(f, field{unescape(name), unescape(value)}); len(f) == maxFields {
			break
		}
	}
	return f
}

func unescape(s string) string {
	if !strings.ContainsAny(s, "%+") {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '+':
			b = append(b, ' ')
		case c == '%' && i+2 < len(s) && digit(s[i+1]) >= 0 && digit(s[i+2]) >= 0:
			b = append(b, byte(digit(s[i+1])<<4|digit(s[i+2])))
			i += 2
		default:
			b = append(b, c)
		}
	}
	return strings.ToValidUTF8(string(b), "\uFFFD")
}

// digit is what a hexadecimal digit counts, -1 for none.
func digit(c byte) int { return strings.IndexByte(hexDigits, upper(c)) }

func upper(c byte) byte {
	if c >= 'a' && c <= 'z' {
		return c - 'a' + 'A'
	}
	return c
}
