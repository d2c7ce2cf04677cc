package sse_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/kernel/sse"
	"github.com/carapace-gateway/carapace/wit"
)

// events reads all of r; a cut one is marked.
func events(r io.Reader, limit int) (list []string, err error) {
	s := sse.NewReader(r, limit)
	for {
		e, err := s.Next()
		if err != nil {
			return list, err
		}
		text := fmt.Sprintf("%s/%s/%s", e.Name, e.ID, e.Data)
		if e.Cut {
			text += " (cut)"
		}
		list = append(list, text)
	}
}

func TestEvents(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", ""},
		{"data: a\n\ndata:b\r\n\r\ndata:  c\r\r", "//a|//b|// c"},
		{"\uFEFFevent: x\ndata: 1\ndata\ndata: 2\n\ndata: 3\n\n", "x//1\n\n2|//3"},
		{": comment\n\nevent: nothing\n\ndata: a\n\n", "//a"},
		{"id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\nid: 2\n\ndata: d\n\nid: \x00\ndata: e\n\n", "/1/a|/1/b|//c|/2/d|/2/e"},
		{"retry: 5\nunknown: x\ndata: a", "//a (cut)"},
		{"data: a\n", "//a (cut)"},
		{"data: \xff\n\n", "//\uFFFD"},
	} {
		for name, r := range map[string]io.Reader{"at once": strings.NewReader(tt.in), "by bytes": iotest.OneByteReader(strings.NewReader(tt.in))} {
			got, err := events(r, 100)
			if strings.Join(got, "|") != tt.want || !errors.Is(err, io.EOF) {
				t.Errorf("%q %s: %q, %v", tt.in, name, got, err)
			}
		}
	}
}

// TestCharactersInTwoEvents: a server cuts where it likes, also in the middle of a character.
func TestCharactersInTwoEvents(t *testing.T) {
	for in, want := range map[string]string{
		"data: \"\xf0\x9f\"\n\ndata: \"\x98\x80\"\n\n":                 `//""|//"😀"`,
		"data: \"a\xf0\"\n\ndata: \"\"\n\ndata: \"\x9f\x98\x80b\"\n\n": `//"a"|//""|//"😀b"`,
		"data: \"\xc3\"\n\ndata: \"\xa9\xc3\"\n\ndata: \"\xbc\"\n\n":   `//""|//"é"|//"ü"`,
		"data: \"\xc3\"\n\ndata: \"x\"\n\n":                            `//""|//"x"`,
		"data: \"\xf0\x9fx\"\n\ndata: \"\x98\"\n\n":                    `//"` + "\uFFFD" + `x"|//"` + "\uFFFD" + `"`,
		"data: \"\xff\xfe\"\n\n":                                       `//"` + "\uFFFD" + `"`,
		"data: \"\xe9t\xe9\"\n\n":                                      `//"` + "\uFFFD" + `t"`,
	} {
		got, err := events(strings.NewReader(in), 100)
		if strings.Join(got, "|") != want || !errors.Is(err, io.EOF) {
			t.Errorf("%q: %q, %v, want %q", in, got, err, want)
		}
	}
}

// FuzzCharacters: a text of which each piece is an event is the same text, wherever it is cut.
func FuzzCharacters(f *testing.F) {
	f.Add("aé😀👍", uint8(1))
	f.Fuzz(func(t *testing.T, text string, size uint8) {
		if text = strings.Map(plain, strings.ToValidUTF8(text, "")); size == 0 {
			size = 1
		}
		var in strings.Builder
		for piece := range slices.Chunk([]byte(text), int(size)) {
			in.WriteString("data: \"" + string(piece) + "\"\n\n")
		}
		s, got := sse.NewReader(strings.NewReader(in.String()), 1<<20), ""
		for e, err := s.Next(); err == nil; e, err = s.Next() {
			got += strings.Trim(e.Data, `"`)
		}
		if got != text {
			t.Errorf("%q by %d is %q", text, size, got)
		}
	})
}

// plain takes out what would end a line or a text.
func plain(r rune) rune {
	if r == '"' || r == '\r' || r == '\n' {
		return -1
	}
	return r
}

func TestBegins(t *testing.T) {
	for in, want := range map[string]bool{
		"data: x\n\n": true, "data:x": true, "\r\n\nevent: x\n": true, "\uFEFFid: 1\n": true, ": ping\n": true, "retry: 1": true, "": true, "\n\n": true,
		"{": false, "[1]": false, "<html>": false, "dat": false, "database error": false, "\uFEFF{}": false, "error": false, "\xef\xbbx": false,
	} {
		for name, r := range map[string]io.Reader{"at once": strings.NewReader(in), "by bytes": iotest.OneByteReader(strings.NewReader(in))} {
			b := bufio.NewReader(r)
			got, err := sse.Begins(b)
			rest, _ := io.ReadAll(b)
			if got != want || err != nil || string(rest) != strings.TrimLeft(in, "\uFEFF\r\n") {
				t.Errorf("%q %s: %v, %v, then %q", in, name, got, err, rest)
			}
		}
	}
	if _, err := sse.Begins(bufio.NewReader(iotest.ErrReader(iotest.ErrTimeout))); !errors.Is(err, iotest.ErrTimeout) {
		t.Errorf("the source's own error: %v", err)
	}
}

func TestEventsAreBounded(t *testing.T) {
	for _, in := range []string{"data: " + strings.Repeat("x", 95), strings.Repeat("data: x\n", 51), ":" + strings.Repeat("x", 100)} {
		if got, err := events(strings.NewReader(in+"\n\n"), 100); wit.CodeOf(err) != wit.CodeTooLarge {
			t.Errorf("%.20q: %q, %v", in, got, err)
		}
	}
	if _, err := events(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader("data: x\n\n"))), 100); !errors.Is(err, iotest.ErrTimeout) {
		t.Errorf("the source's own error: %v", err)
	}
}

func FuzzEvents(f *testing.F) {
	f.Add([]byte("id: 1\nevent: x\ndata: a\r\n\r\ndata: b\r\r:\n"))
	f.Fuzz(func(t *testing.T, in []byte) {
		whole, err := events(strings.NewReader(string(in)), 64)
		pieces, err2 := events(iotest.OneByteReader(strings.NewReader(string(in))), 64)
		if strings.Join(whole, "|") != strings.Join(pieces, "|") || wit.CodeOf(err) != wit.CodeOf(err2) {
			t.Errorf("%q: %q %v, by bytes %q %v", in, whole, err, pieces, err2)
		}
		for _, e := range whole {
			if !utf8.ValidString(e) {
				t.Errorf("%q gives %q", in, e)
			}
		}
	})
}
