package sse

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// characters makes text of events whose source cuts where it likes: the bytes of one character may stand in several
// events, each time between the quotes of a JSON text.
type characters struct {
	half []byte // the beginning of a character, taken out of an earlier event
}

// text is data with invalid UTF-8 replaced. The beginning of a character at the end of a text is kept, and given with
// the event that has the rest; if none has, nothing stands for it.
func (c *characters) text(data []byte) string {
	if utf8.Valid(data) {
		return string(data)
	}
	var out strings.Builder
	replaced := false // a run of invalid bytes is replaced once
	for len(data) > 0 {
		if r, n := utf8.DecodeRune(data); r != utf8.RuneError || n > 1 {
			out.Write(data[:n])
			data, replaced = data[n:], false
			continue
		}
		if whole, n := c.complete(data); n > 0 {
			out.Write(whole)
			data, c.half = data[n:], nil
			continue
		}
		if half, n := c.begin(data); n > 0 {
			data, c.half = data[n:], half
			continue
		}
		if !replaced {
			out.WriteRune(utf8.RuneError)
		}
		data, replaced = data[1:], true
	}
	return out.String()
}

// complete is the character that the half makes with the next n bytes; n is 0 if it makes none.
func (c *characters) complete(data []byte) (whole []byte, n int) {
	if len(c.half) == 0 {
		return nil, 0
	}
	for n := 1; n < utf8.UTFMax && n <= len(data); n++ {
		if whole := append(bytes.Clone(c.half), data[:n]...); utf8.Valid(whole) {
			return whole, n
		}
	}
	return nil, 0
}

// begin is the half that there is after the next n bytes: they go on with the one before, or begin another, and the
// data or a text in it ends with them. n is 0 if they do neither.
func (c *characters) begin(data []byte) (half []byte, n int) {
	for _, before := range [][]byte{c.half, nil} {
		for n := min(len(data), utf8.UTFMax-1-len(before)); n > 0; n-- {
			half := append(bytes.Clone(before), data[:n]...)
			if !utf8.FullRune(half) && (n == len(data) || data[n] == '"') {
				return half, n
			}
		}
	}
	return nil, 0
}
