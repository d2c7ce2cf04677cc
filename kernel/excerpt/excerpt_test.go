package excerpt_test

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/kernel/excerpt"
	"github.com/carapace-gateway/carapace/wit"
)

// read is the text of a field.
func read(from io.Reader, field string) (string, error) {
	r, err := excerpt.Text(from, field)
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(r)
	return string(b), err
}

func TestText(t *testing.T) {
	long := strings.Repeat("QUJD", 50_000)
	for in, want := range map[string]string{
		`{"url":"https://a.org/b?c=1"}`:                     "https://a.org/b?c=1",
		` { "a" : [1,{"url":"no"}], "url" : "yes" } `:       "yes",
		`{"a":{"url":"no"},"b":"\"}","n":-1.5e3,"url":"y"}`: "y",
		`{"t":true,"z":null,"url":""}`:                      "",
		`{"url":"https:\/\/a.org\/\u00e4\ud83d\ude00\n"}`:   "https://a.org/ä😀\n",
		`{"url":"\ud83d"}`:                                  "\uFFFD",
		`{"url":"` + long + `","rest":`:                     long,
		`{"` + strings.Repeat("k", 5000) + `":1,"url":"x"}`: "x",
		`{"url":"first","url":"second"}`:                    "first",
	} {
		if got, err := read(strings.NewReader(in), "url"); got != want || err != nil {
			t.Errorf("%.60s: %.60q, %v; want %.60q", in, got, err, want)
		}
		if got, err := read(iotest.OneByteReader(strings.NewReader(in)), "url"); got != want || err != nil {
			t.Errorf("%.60s, byte by byte: %.60q, %v", in, got, err)
		}
	}
	if got, err := read(strings.NewReader(`{"jsonrpc":"2.0","result":{"size":3,"data":"QUJD"}}`), "result.data"); got != "QUJD" || err != nil {
		t.Errorf("a field of a field: %q, %v", got, err)
	}
}

func TestWhatIsNotThere(t *testing.T) {
	for in, want := range map[string]wit.Code{
		`{}`: wit.CodeNotFound, `{"a":1}`: wit.CodeNotFound, `{"url":7}`: wit.CodeNotFound, `{"url":{"url":"x"}}`: wit.CodeNotFound,
		`["url"]`: wit.CodeNotFound, `"url"`: wit.CodeNotFound,
		``: wit.CodeUnavailable, `{`: wit.CodeUnavailable, `{"url"`: wit.CodeUnavailable, `{"a":}`: wit.CodeUnavailable, `{"a",}`: wit.CodeUnavailable,
		`{"a":"b`: wit.CodeUnavailable, `{"a":,"url":"x"}`: wit.CodeUnavailable, `{"a\x":1}`: wit.CodeUnavailable, `{"a":1 2}`: wit.CodeUnavailable,
	} {
		if got, err := read(strings.NewReader(in), "url"); wit.CodeOf(err) != want {
			t.Errorf("%s: %q, %v; want %s", in, got, err, want)
		}
	}
	for _, in := range []string{`{"url":"half`, `{"url":"half\`, `{"url":"half\u12`} {
		if got, err := read(strings.NewReader(in), "url"); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: %q, %v", in, got, err)
		}
	}
	broken := errors.New("broken")
	if _, err := read(io.MultiReader(strings.NewReader(`{"a":`), iotest.ErrReader(broken)), "url"); !errors.Is(err, broken) {
		t.Errorf("a reader's error: %v", err)
	}
}

// FuzzText holds what is read against encoding/json, for what that takes.
func FuzzText(f *testing.F) {
	for _, seed := range []string{`{"url":"x"}`, `{"a":[{"url":1}],"url":"\u00e4\n"}`, `{"url":null}`, `[`, `{"a":{"b":"}"},"url":"\ud83d\ude00"}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		got, err := read(strings.NewReader(in), "url")
		var fields map[string]json.RawMessage
		if !utf8.ValidString(in) || json.Unmarshal([]byte(in), &fields) != nil || strings.Count(in, "u") > 3 {
			return // it is enough that it ends
		}
		var want *string
		if json.Unmarshal(fields["url"], &want) != nil || want == nil {
			if err == nil {
				t.Errorf("%q has no url: %q", in, got)
			}
			return
		}
		if err != nil || got != *want {
			t.Errorf("%q: %q, %v; want %q", in, got, err, *want)
		}
	})
}
