// Package text makes of one text what a platform takes: it cuts a long one into pieces, and writes them in the dialect that the
// channel declares.
//
// It knows what a channel declares and CommonMark's fenced code, and nothing of messages, queues or platforms. All functions are pure; they accept any bytes, put U+FFFD in the place of
// what is no UTF-8, and take time in proportion to the text, however hostile it is.
package text

import (
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"

	"github.com/carapace-gateway/carapace/wit"
)

// Limits is what a platform takes as one message. A zero field does not limit.
type Limits struct {
	// MaxLength is counted in Unit: bytes (also when it is empty), code points or UTF-16 units.
	MaxLength int
	Unit      wit.LengthUnit
	MaxLines  int
	// Markdown keeps fenced code fenced: a fence that is cut is closed, and opened again in the next piece.
	Markdown bool
}

// LimitsOf returns what a channel declares.
func LimitsOf(f *wit.ChannelFacts) Limits {
	return Limits{MaxLength: int(f.MaxLength), Unit: f.LengthUnit, MaxLines: int(f.MaxLines), Markdown: f.Markup != wit.MarkupPlain && f.Markup != ""}
}

// Chunk cuts text into pieces that keep to the limits. It cuts at the last paragraph's end that leaves
// a piece at least half full, else at a line's, a sentence's or a word's, and only where there is none
// of these between two characters as people see them. It drops nothing but white space at a cut, and
// adds nothing but fences. Text without anything visible gives no piece.
func Chunk(text string, l Limits) []string {
	var pieces []string
	rest, open := strings.ToValidUTF8(text, "\uFFFD"), fence{}
	if strings.TrimSpace(rest) == "" {
		return nil
	}
	for rest != "" {
		piece, tail, next := cut(rest, open, l)
		if strings.TrimSpace(piece) != "" {
			pieces = append(pieces, piece)
		}
		rest, open = tail, next
	}
	return pieces
}

// cut takes one piece off rest, which begins inside the fence open when that is one.
func cut(rest string, open fence, l Limits) (piece, tail string, next fence) {
	head := open.reopen()
	if l.fits(head, rest) {
		return head + rest, "", fence{}
	}
	budget := l.budget(rest, head, open.close())
	if open.marker != "" && budget < minInside {
		// There is no room for a fence and for what is in it: the code goes out bare.
		open, head = fence{}, ""
		budget = l.budget(rest, "", "")
	}
	end := breakAt(rest, budget, open.marker != "")
	next = open.after(rest[:end], l.Markdown)
	if next.marker != "" && next != open {
		// A fence was opened in this piece, and its closing needs room too. Without that room the fence
		// stays open: the limit counts for more than how it looks.
		if b := l.budget(rest, head, next.close()); b >= minInside {
			end = breakAt(rest, b, true)
			next = open.after(rest[:end], l.Markdown)
		} else {
			next = fence{}
		}
	}
	body, tail := rest[:end], rest[end:]
	if next.marker != "" {
		return head + strings.TrimSuffix(body, "\n") + next.close(), strings.TrimPrefix(tail, "\n"), next
	}
	return head + strings.TrimRight(body, " \t\r\n"), trimLines(tail), next
}

// minInside is the least room, in bytes, that is worth a fence around it.
const minInside = 16

// trimLines drops spaces and line ends before the next piece, but keeps the indentation of its first line.
func trimLines(s string) string {
	for {
		i := strings.IndexFunc(s, func(r rune) bool { return r != ' ' && r != '\t' && r != '\r' })
		switch {
		case i < 0:
			return ""
		case s[i] != '\n':
			if strings.ContainsRune(s[:i], '\r') || i < 2 {
				return s[i:]
			}
			return s
		}
		s = s[i+1:]
	}
}

// breakAt finds where to end a piece of at most budget bytes, which is less than all of s. Better places
// come first in seps, but one that leaves the piece less than half full is passed over; for a space an
// eighth is enough, since behind it there is only a cut within a word. Inside code only lines and spaces count.
func breakAt(s string, budget int, code bool) int {
	budget = min(budget, len(s))
	window := s[:budget]
	seps := []string{"\n\n", "\n", ". ", "! ", "? ", "… ", "。", " "}
	if code {
		seps = []string{"\n", " "}
	}
	for i, sep := range seps {
		at := strings.LastIndex(window, sep)
		if at < 0 {
			continue
		}
		if i > 1 && i < len(seps)-1 {
			// The ends of a sentence are equally good: the last of them all counts.
			for _, other := range seps[2 : len(seps)-1] {
				if j := strings.LastIndex(window, other); j > at {
					at, sep = j, other
				}
			}
		}
		at += len(sep)
		if at >= budget/2 || sep == " " && at > budget/8 {
			return at
		}
	}
	return characters(s, budget)
}

// characters is the end of the last character, as people see them, within budget bytes; at least one
// code point.
func characters(s string, budget int) int {
	at, state := 0, -1
	rest := s
	for rest != "" {
		var cluster string
		cluster, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if at+len(cluster) > budget {
			break
		}
		at += len(cluster)
	}
	if at > 0 {
		return at
	}
	for at < budget {
		// One character alone is longer than a piece: cut between its code points.
		_, n := utf8.DecodeRuneInString(s[at:])
		if at+n > budget {
			break
		}
		at += n
	}
	if at == 0 {
		// Not even a code point fits. It goes out alone and over the limit, or the text would never end.
		_, at = utf8.DecodeRuneInString(s)
	}
	return at
}

// budget is how many bytes of s fit between head and foot; whole code points, and it may be 0.
func (l Limits) budget(s, head, foot string) int {
	units, lines := 0, 1+strings.Count(head, "\n")+strings.Count(foot, "\n")
	free := l.MaxLength - l.length(head) - l.length(foot)
	for i, r := range s {
		units += l.size(r)
		if l.MaxLength > 0 && units > free {
			return i
		}
		if r != '\n' {
			continue
		}
		if lines++; l.MaxLines > 0 && lines > l.MaxLines {
			return i + 1
		}
	}
	return len(s)
}

// fits reports whether head and s make one piece. It looks no further than it has to.
func (l Limits) fits(head, s string) bool {
	units, lines := l.length(head), 1+strings.Count(head, "\n")
	for _, r := range s {
		if r == '\n' {
			lines++
		}
		units += l.size(r)
		if l.MaxLength > 0 && units > l.MaxLength || l.MaxLines > 0 && lines > l.MaxLines {
			return false
		}
	}
	return true
}

// length counts s in the platform's unit.
func (l Limits) length(s string) int {
	n := 0
	for _, r := range s {
		n += l.size(r)
	}
	return n
}

// size counts one code point in the platform's unit.
func (l Limits) size(r rune) int {
	switch {
	case l.Unit == wit.LengthUnitCharacters:
		return 1
	case l.Unit == wit.LengthUnitUTF16 && r > 0xFFFF:
		return 2
	case l.Unit == wit.LengthUnitUTF16:
		return 1
	}
	return utf8.RuneLen(r)
}
