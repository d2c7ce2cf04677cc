package sse_test

import (
	"errors"
	"fmt"
	"io"
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
