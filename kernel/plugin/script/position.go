package script

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Positions are where the lines of a bundle come from. It is read only.
type Positions struct {
	files []string
	lines [][]segment
}

// segment is where the code from a column on comes from; columns and lines are counted from 0.
type segment struct{ column, file, line, at int }

// Positions reads the bundle's source map. One that cannot be read knows no position.
func (b *Bundle) Positions() *Positions {
	var m struct {
		Sources  []string `json:"sources"`
		Mappings string   `json:"mappings"`
	}
	if json.Unmarshal(b.Map, &m) != nil {
		return &Positions{}
	}
	p := &Positions{}
	for _, s := range m.Sources {
		p.files = append(p.files, strings.TrimPrefix(s, namespace+":"))
	}
	var last segment
	for line := range strings.SplitSeq(m.Mappings, ";") {
		last.column = 0
		var segments []segment
		for text := range strings.SplitSeq(line, ",") {
			if fields := decode(text); len(fields) >= 4 {
				last = segment{last.column + fields[0], last.file + fields[1], last.line + fields[2], last.at + fields[3]}
				segments = append(segments, last)
			} else if len(fields) > 0 {
				last.column += fields[0]
			}
		}
		p.lines = append(p.lines, segments)
	}
	return p
}

// Of says where a line and column of the bundle come from, counted from 1, as file:line:column.
func (p *Positions) Of(line, column int) (string, bool) {
	if line < 1 || line > len(p.lines) {
		return "", false
	}
	segments := p.lines[line-1]
	at, found := slices.BinarySearchFunc(segments, column-1, func(s segment, column int) int { return cmp.Compare(s.column, column) })
	if !found {
		at--
	}
	if at < 0 || segments[at].file < 0 || segments[at].file >= len(p.files) {
		return "", false
	}
	s := segments[at]
	return fmt.Sprintf("%s:%d:%d", p.files[s.file], s.line+1, s.at+1), true
}

const base64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// decode reads the numbers of a segment: base64 digits of five bits, the lowest first, the sixth says that more follow,
// and the lowest bit of all is the sign.
func decode(text string) (numbers []int) {
	n, shift := 0, 0
	for _, c := range text {
		d := strings.IndexRune(base64Digits, c)
		if d < 0 || shift > 30 {
			return nil
		}
		n |= d & 31 << shift
		if shift += 5; d&32 == 0 {
			if n&1 != 0 {
				n = -(n >> 1)
			} else {
				n >>= 1
			}
			numbers = append(numbers, n)
			n, shift = 0, 0
		}
	}
	return numbers
}
