package config

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
)

// relaxed is a text of JSON5 as JSON, and for each of its bytes where that comes from, nil where the text is JSON already.
// What is neither stays as it is, so that whoever reads it finds the mistake.
func relaxed(text []byte) (plain []byte, from []int) {
	if json.Valid(text) {
		return text, nil
	}
	r := &relaxer{in: text}
	r.all()
	return r.out, r.from
}

// relaxer writes JSON.
type relaxer struct {
	in   []byte
	at   int
	out  []byte
	from []int
	last byte // the last one written that is no blank
}

// write adds what comes from a place in the text.
func (r *relaxer) write(s string, from int) {
	for i := range len(s) {
		r.out, r.from = append(r.out, s[i]), append(r.from, from)
		if strings.IndexByte(" \t\r\n", s[i]) < 0 {
			r.last = s[i]
		}
	}
}

func (r *relaxer) all() {
	r.at = len(r.in) - len(bytes.TrimPrefix(r.in, []byte("\ufeff")))
	for r.at < len(r.in) {
		begin := r.at
		if r.at = r.blank(begin); r.at > begin {
			r.write(" ", begin)
			continue
		}
		switch c := r.in[begin]; {
		case c == '"' || c == '\'':
			r.text(c)
		case c == ',':
			r.at++
			if next := r.peek(r.at); next != '}' && next != ']' || strings.IndexByte("{[,\x00", r.last) >= 0 {
				r.write(",", begin)
			}
		case wordByte(c) && (c < '0' || c > '9'):
			r.word()
		case c >= '0' && c <= '9' || c == '.' || c == '+' || c == '-':
			r.number()
		default:
			r.at++
			r.write(string(r.in[begin:r.at]), begin)
		}
	}
}

// blank returns where the blanks and comments at a place end. A comment without an end is none.
func (r *relaxer) blank(at int) int {
	for at < len(r.in) {
		rest := r.in[at:]
		switch {
		case strings.IndexByte(" \t\r\n\v\f", rest[0]) >= 0:
			at++
		case bytes.HasPrefix(rest, []byte("\u00a0")):
			at += 2
		case bytes.HasPrefix(rest, []byte("//")):
			end := bytes.IndexByte(rest, '\n')
			if end < 0 {
				return len(r.in)
			}
			at += end
		case bytes.HasPrefix(rest, []byte("/*")) && bytes.Contains(rest[2:], []byte("*/")):
			at += 4 + bytes.Index(rest[2:], []byte("*/"))
		default:
			return at
		}
	}
	return at
}

// peek is the next byte that is neither blank nor in a comment; 0 at the end.
func (r *relaxer) peek(at int) byte {
	if at = r.blank(at); at < len(r.in) {
		return r.in[at]
	}
	return 0
}

func wordByte(c byte) bool {
	return c == '_' || c == '$' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// word writes a name in quotation marks where it is one of a field, and any other word as it is.
func (r *relaxer) word() {
	begin := r.at
	for r.at < len(r.in) && wordByte(r.in[r.at]) {
		r.at++
	}
	word := string(r.in[begin:r.at])
	if (r.last == '{' || r.last == ',') && r.peek(r.at) == ':' {
		word = `"` + word + `"`
	}
	r.write(word, begin)
}

// number writes a number as JSON has it: without +, with a digit on both sides of the point, and decimal.
func (r *relaxer) number() {
	begin := r.at
	for r.at < len(r.in) && (wordByte(r.in[r.at]) || strings.IndexByte("+-.", r.in[r.at]) >= 0) {
		r.at++
	}
	word := string(r.in[begin:r.at])
	sign, digits := "", strings.TrimPrefix(word, "+")
	if rest, negative := strings.CutPrefix(digits, "-"); negative {
		sign, digits = "-", rest
	}
	if n, err := strconv.ParseInt(digits, 0, 64); err == nil && len(digits) > 2 && (digits[1] == 'x' || digits[1] == 'X') {
		digits = strconv.FormatInt(n, 10)
	}
	if strings.HasPrefix(digits, ".") && len(digits) > 1 {
		digits = "0" + digits
	}
	if whole, point := strings.CutSuffix(digits, "."); point && whole != "" {
		digits = whole
	}
	r.write(sign+digits, begin)
}

// text writes a text in either kind of quotation marks. One without an end stays as it is.
func (r *relaxer) text(quote byte) {
	begin := r.at
	r.write(`"`, begin)
	for r.at++; r.at < len(r.in) && r.in[r.at] != quote && r.in[r.at] != '\n'; r.at++ {
		switch c := r.in[r.at]; c {
		case '\\':
			r.escape()
		case '"':
			r.write(`\"`, r.at)
		default:
			r.out, r.from = append(r.out, c), append(r.from, r.at)
		}
	}
	if r.at < len(r.in) && r.in[r.at] == quote {
		r.write(`"`, r.at)
		r.at++
	}
}

// escape writes what a backslash in a text means.
func (r *relaxer) escape() {
	begin := r.at
	r.at++
	if r.at >= len(r.in) {
		return
	}
	switch r.in[r.at] {
	case '\n': // the text goes on in the next line
	case '\r':
		if r.at+1 < len(r.in) && r.in[r.at+1] == '\n' {
			r.at++
		}
	case '\'':
		r.write("'", begin)
	case 'v':
		r.write(`\u000b`, begin)
	case '0':
		r.write(`\u0000`, begin)
	case 'x':
		r.write(`\u00`, begin)
	default:
		r.write(`\`+string(r.in[r.at:r.at+1]), begin)
	}
}
