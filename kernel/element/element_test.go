package element_test

import (
	"bufio"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/carapace-gateway/carapace/kernel/element"
	"github.com/carapace-gateway/carapace/wit"
)

const limit = 200

// all cuts a stream, and says how it ends.
func all(r io.Reader) (units []string, err error) {
	e := element.NewReader(bufio.NewReader(r), limit)
	for {
		unit, err := e.Next()
		if err != nil {
			return units, err
		}
		units = append(units, string(unit))
	}
}

func TestNext(t *testing.T) {
	for name, c := range map[string]struct {
		stream string
		want   []string
	}{
		"nothing":             {"", nil},
		"a whole stream":      {"<?xml version='1.0'?>\n<s:s to='x'> <a/>\n<b>1</b></s:s>", []string{"<s:s to='x'>", "<a/>", "<b>1</b>", "</s:s>"}},
		"begun anew":          {"<s:s><a/><?xml version='1.0'?><s:s><b/>", []string{"<s:s>", "<a/>", "<s:s>", "<b/>"}},
		"what holds its like": {"<s><a><a><a/></a>x</a><a></a>", []string{"<s>", "<a><a><a/></a>x</a>", "<a></a>"}},
		"marks in quotes":     {`<s><a b='>"/' c="'>"><d e="/>"/></a><f/>`, []string{"<s>", `<a b='>"/' c="'>"><d e="/>"/></a>`, "<f/>"}},
		"marks in characters": {"<s><a><![CDATA[</a>]]]]></a><f/>", []string{"<s>", "<a><![CDATA[</a>]]]]></a>", "<f/>"}},
		"its name inside":     {"<s><a><s></s></a></s>", []string{"<s>", "<a><s></s></a>", "</s>"}},
		"an empty root":       {"<s/><t><a/>", []string{"<s/>", "<t>", "<a/>"}},
		"bytes that are none": {"<s><a>\xff</a>", []string{"<s>", "<a>\xff</a>"}},
	} {
		for _, r := range []io.Reader{strings.NewReader(c.stream), iotest.OneByteReader(strings.NewReader(c.stream))} {
			if got, err := all(r); !slices.Equal(got, c.want) || !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s: %q, %v", name, got, err)
			}
		}
	}
}

func TestWhatIsNone(t *testing.T) {
	for name, c := range map[string]struct {
		stream string
		want   wit.Code
	}{
		"a text":               {"hello", wit.CodeUnavailable},
		"a text between":       {"<s>hello<a/>", wit.CodeUnavailable},
		"an end first":         {"</s>", wit.CodeUnavailable},
		"another end":          {"<s></t>", wit.CodeUnavailable},
		"no name":              {"<s>< >", wit.CodeUnavailable},
		"a comment":            {"<s><!-- x -->", wit.CodeUnavailable},
		"a comment inside":     {"<s><a><!-- x --></a>", wit.CodeUnavailable},
		"entities":             {"<!DOCTYPE s [<!ENTITY a 'b'>]><s>", wit.CodeUnavailable},
		"entities inside":      {"<s><a><!DOCTYPE></a>", wit.CodeUnavailable},
		"an instruction":       {"<s><a><?x?></a>", wit.CodeUnavailable},
		"a tag in a tag":       {"<s><a <b/>", wit.CodeUnavailable},
		"a long element":       {"<s><a>" + strings.Repeat("x", limit) + "</a>", wit.CodeTooLarge},
		"a long tag":           {"<s a='" + strings.Repeat("x", limit) + "'>", wit.CodeTooLarge},
		"a deep one":           {"<s>" + strings.Repeat("<a>", limit), wit.CodeTooLarge},
		"a long declaration":   {"<?xml " + strings.Repeat("x", limit) + "?>", wit.CodeTooLarge},
		"many that are not it": {"<s><a><![CDATA[" + strings.Repeat("]", limit) + "]]></a>", wit.CodeTooLarge},
	} {
		if got, err := all(strings.NewReader(c.stream)); wit.CodeOf(err) != c.want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	for _, cut := range []string{"<", "<s", "<s a='", "<s><a>", "<s><a><", "<s><a><!", "<s><a><![CDATA[", "<?xml", "<s><a></a"} {
		if _, err := all(strings.NewReader(cut)); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%q: %v", cut, err)
		}
	}
}

// FuzzNext: whatever comes, units are within their bound, in order, and all of what was read but white space and declarations.
func FuzzNext(f *testing.F) {
	for _, s := range []string{"<?xml version='1.0'?><s><a b='c'>d</a> <e/></s>", "<s><a><![CDATA[<]]></a>", "<s><s>", "<a", "<!-- -->"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, stream string) {
		units, err := all(strings.NewReader(stream))
		if err == nil {
			t.Fatal("it never ends")
		}
		rest := stream
		for _, u := range units {
			i := strings.Index(rest, u)
			if i < 0 || len(u) > limit || u[0] != '<' || u[len(u)-1] != '>' {
				t.Fatalf("%q is no part of %q", u, rest)
			}
			rest = rest[i+len(u):]
		}
	})
}
