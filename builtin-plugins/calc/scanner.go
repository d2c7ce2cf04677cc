package calc

import (
	"strconv"
	"strings"
)

// scanner is where the parser is in the text.
type scanner struct {
	text string
	pos  int // of the next byte
}

// peek passes over spaces and returns the next byte, 0 at the end.
func (s *scanner) peek() byte {
	for s.pos < len(s.text) && (s.text[s.pos] == ' ' || s.text[s.pos] == '\t' || s.text[s.pos] == '\n') {
		s.pos++
	}
	if s.pos < len(s.text) {
		return s.text[s.pos]
	}
	return 0
}

// accept takes the next byte if it is c.
func (s *scanner) accept(c byte) bool {
	if s.peek() != c {
		return false
	}
	s.pos++
	return true
}

// found names what stands at pos, for errors.
func (s *scanner) found() string {
	if s.pos >= len(s.text) {
		return "the end"
	}
	for _, c := range s.text[s.pos:] {
		return strconv.Quote(string(c))
	}
	return ""
}

// startsOperand reports whether a number, a name or a parenthesis follows, so that 7 % 3 is a division
// and 7% + 3 is not.
func (s *scanner) startsOperand(pos int) bool {
	rest := strings.TrimLeft(s.text[pos:], " \t\n")
	return rest != "" && (rest[0] == '(' || rest[0] == '.' || digit(rest[0]) || letter(rest[0]))
}

// digit and letter know ASCII alone: names and numbers are written in it.
func digit(c byte) bool  { return c >= '0' && c <= '9' }
func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
