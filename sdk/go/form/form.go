// Package form writes and reads the parameters of requests, as queries and forms have them (application/x-www-form-urlencoded), and what
// stands in the paths of URLs. It is smaller in a plugin than net/url.
package form

import "strings"

// Form are parameters in the order in which they stand. Its methods change none that there is.
type Form []Field

// Field is one parameter.
type Field struct{ Name, Value string }

// Of is a form of names, each with its value behind it. It panics where a value is missing.
func Of(pairs ...string) Form {
	f := make(Form, 0, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		f = append(f, Field{pairs[i], pairs[i+1]})
	}
	return f
}

// With returns the form with one more parameter; an empty one is left out.
func (f Form) With(name, value string) Form {
	if value == "" {
		return f
	}
	return append(f[:len(f):len(f)], Field{name, value})
}

// Get returns the first parameter of a name, "" for none.
func (f Form) Get(name string) string {
	for _, field := range f {
		if field.Name == name {
			return field.Value
		}
	}
	return ""
}

// Encode writes the form as a body or a query.
func (f Form) Encode() string {
	var b strings.Builder
	for i, field := range f {
		if i > 0 {
			b.WriteByte('&')
		}
		escape(&b, field.Name)
		b.WriteByte('=')
		escape(&b, field.Value)
	}
	return b.String()
}

// maxFields bounds what is read of a form.
const maxFields = 200

// Parse reads a body or a query, of which only the first two hundred parameters count. What is written wrong stays as it is.
func Parse(text string) (f Form) {
	for pair := range strings.SplitSeq(text, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if pair == "" {
			continue
		}
		if f = append(f, Field{Unescape(name), Unescape(value)}); len(f) == maxFields {
			break
		}
	}
	return f
}

// Escape writes a text as a value of a query or one segment of a path: all but RFC 3986's unreserved characters is escaped, so that
// it ends nothing, leads nowhere else, and no brace of it names a credential.
func Escape(s string) string {
	var b strings.Builder
	b.Grow(len(s) + len(s)/4)
	if s == "." || s == ".." {
		return strings.ReplaceAll(s, ".", "%2E")
	}
	escape(&b, s)
	return b.String()
}

// Path writes a path: each of the segments between its slashes is escaped.
func Path(path string) string {
	var b strings.Builder
	for i, segment := range strings.Split(path, "/") {
		if i > 0 {
			b.WriteByte('/')
		}
		b.WriteString(Escape(segment))
	}
	return b.String()
}

const digits = "0123456789ABCDEF"

func escape(b *strings.Builder, s string) {
	for i := range len(s) {
		if c := s[i]; unreserved(c) {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(digits[c>>4])
			b.WriteByte(digits[c&15])
		}
	}
}

func unreserved(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}

// Unescape reads a name or a value of a form, where + is a space. What is no escape stays as it is; what is no UTF-8 then is replaced.
func Unescape(s string) string {
	if !strings.ContainsAny(s, "%+") {
		return strings.ToValidUTF8(s, "\uFFFD")
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

// digit is what a hexadecimal digit counts, -1 for what is none.
func digit(c byte) int {
	if c >= 'a' && c <= 'f' {
		c -= 'a' - 'A'
	}
	return strings.IndexByte(digits, c)
}
