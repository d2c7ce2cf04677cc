package text_test

import (
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/kernel/service/delivery/text"
	"github.com/carapace-gateway/carapace/wit"
)

func TestChunkCutsWhereAReaderWould(t *testing.T) {
	for name, c := range map[string]struct {
		text   string
		limits text.Limits
		want   []string
	}{
		"empty":            {"", text.Limits{MaxLength: 10}, nil},
		"only white space": {" \n\t ", text.Limits{MaxLength: 10}, nil},
		"no limit":         {"a\n\nb", text.Limits{}, []string{"a\n\nb"}},
		"exactly full":     {"0123456789", text.Limits{MaxLength: 10}, []string{"0123456789"}},
		"paragraph":        {"one two three\n\nfour five", text.Limits{MaxLength: 20}, []string{"one two three", "four five"}},
		"line":             {"one two three\nfour five", text.Limits{MaxLength: 20}, []string{"one two three", "four five"}},
		"sentence":         {"One two three. Four five six", text.Limits{MaxLength: 20}, []string{"One two three.", "Four five six"}},
		"last sentence":    {"Aaa bbb. Ccc ddd! Eee fff ggg", text.Limits{MaxLength: 20}, []string{"Aaa bbb. Ccc ddd!", "Eee fff ggg"}},
		"word":             {"aaaa bbbb cccc dddd", text.Limits{MaxLength: 11}, []string{"aaaa bbbb", "cccc dddd"}},
		"nothing to cut":   {strings.Repeat("x", 25), text.Limits{MaxLength: 10}, []string{"xxxxxxxxxx", "xxxxxxxxxx", "xxxxx"}},
		"bytes":            {"ääää", text.Limits{MaxLength: 4, Unit: wit.LengthUnitBytes}, []string{"ää", "ää"}},
		"characters":       {"ääää", text.Limits{MaxLength: 2, Unit: wit.LengthUnitCharacters}, []string{"ää", "ää"}},
		"utf16 pairs":      {"😀😀😀", text.Limits{MaxLength: 3, Unit: wit.LengthUnitUTF16}, []string{"😀", "😀", "😀"}},
		"a family stays":   {"aaaa👨‍👩‍👧b", text.Limits{MaxLength: 10, Unit: wit.LengthUnitUTF16}, []string{"aaaa", "👨‍👩‍👧b"}},
		"lines":            {"1\n2\n3\n4\n5", text.Limits{MaxLines: 2}, []string{"1\n2", "3\n4", "5"}},
		"indentation kept": {"list of some:\n\n    indented", text.Limits{MaxLength: 16}, []string{"list of some:", "    indented"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := text.Chunk(c.text, c.limits)
			if strings.Join(got, "|") != strings.Join(c.want, "|") || len(got) != len(c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestChunkClosesAndReopensFences(t *testing.T) {
	long := "Look at this:\n```go\n" + strings.Repeat("fmt.Println(1)\n", 10) + "```\nDone."
	l := text.Limits{MaxLength: 80, Unit: wit.LengthUnitCharacters, Markdown: true}
	got := text.Chunk(long, l)
	if len(got) < 3 {
		t.Fatalf("%d pieces: %q", len(got), got)
	}
	for i, p := range got {
		if n := strings.Count(p, "```"); n%2 != 0 {
			t.Errorf("piece %d leaves a fence open: %q", i, p)
		}
		if i > 0 && strings.Contains(p, "Println") && !strings.HasPrefix(p, "```go\n") {
			t.Errorf("piece %d does not reopen the fence: %q", i, p)
		}
		if utf8.RuneCountInString(p) > 80 {
			t.Errorf("piece %d has %d characters", i, utf8.RuneCountInString(p))
		}
	}
	if n := strings.Count(strings.Join(got, ""), "fmt.Println(1)"); n != 10 {
		t.Errorf("%d of 10 lines are left", n)
	}
}

func TestChunkTakesALongTextInNoTime(t *testing.T) {
	long := strings.Repeat("word and ```code``` and\n", 100_000)
	began := time.Now()
	pieces := text.Chunk(long, text.Limits{MaxLength: 2000, Unit: wit.LengthUnitUTF16, MaxLines: 17, Markdown: true})
	if took := time.Since(began); took > time.Minute || len(pieces) < 1000 {
		t.Errorf("%d pieces in %v", len(pieces), took)
	}
}

// visible is what must survive: all that is not white space, without fences.
func visible(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return s
}

func FuzzChunk(f *testing.F) {
	f.Add("one. two. three\n\n```go\nx := 1\n```\nend", 12, 3, uint8(0))
	f.Add("👨‍👩‍👧👨‍👩‍👧 ääää\r\n\r\n    x", 5, 0, uint8(1))
	f.Add("~~~\n"+strings.Repeat("a b\n", 40), 40, 5, uint8(6))
	f.Fuzz(func(t *testing.T, in string, length, lines int, mode uint8) {
		if length < 0 || length > 5000 || lines < 0 || lines > 100 || len(in) > 1<<16 {
			t.Skip()
		}
		unit := []wit.LengthUnit{wit.LengthUnitBytes, wit.LengthUnitCharacters, wit.LengthUnitUTF16}[mode%3]
		l := text.Limits{MaxLength: length, Unit: unit, MaxLines: lines, Markdown: mode&4 != 0}
		pieces := text.Chunk(in, l)
		joined := strings.Join(pieces, "")
		if !l.Markdown && visible(joined) != visible(in) {
			t.Fatalf("text changed: %q → %q", in, pieces)
		}
		if l.Markdown && !subsequence(visible(in), visible(joined)) {
			t.Fatalf("text was lost: %q → %q", in, pieces)
		}
		for _, p := range pieces {
			if !utf8.ValidString(p) {
				t.Fatalf("a character was cut: %q", p)
			}
			// A single code point may be longer than the limit: it goes out alone.
			if length > 0 && size(p, unit) > length && utf8.RuneCountInString(strings.TrimSpace(p)) > 1 {
				t.Fatalf("%d %s in %q, %d allowed", size(p, unit), unit, p, length)
			}
			if lines > 0 && strings.Count(p, "\n")+1 > lines {
				t.Fatalf("%d lines in %q, %d allowed", strings.Count(p, "\n")+1, p, lines)
			}
		}
	})
}

func size(s string, u wit.LengthUnit) int {
	n := 0
	for _, r := range s {
		switch {
		case u == wit.LengthUnitBytes:
			n += utf8.RuneLen(r)
		case u == wit.LengthUnitUTF16 && r > 0xFFFF:
			n += 2
		default:
			n++
		}
	}
	return n
}

// subsequence reports whether all of want stands in have, in order.
func subsequence(want, have string) bool {
	w := []rune(want)
	for _, r := range have {
		if len(w) > 0 && w[0] == r {
			w = w[1:]
		}
	}
	return len(w) == 0
}
