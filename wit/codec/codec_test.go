package codec_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/wit/codec"
)

// value reads any JSON through the Reader's typed methods.
type value struct{ v any }

func (v *value) ReadJSON(r *codec.Reader) {
	raw := r.Raw()
	inner := codec.NewReader(raw)
	inner.Share() // raw is a copy already
	switch {
	case raw == nil:
		v.v = nil
	case raw[0] == '{':
		object := map[string]any{}
		for inner.Object(); inner.Next(); {
			key := string(inner.Key())
			var item value
			item.ReadJSON(inner)
			object[key] = item.v
		}
		v.v = object
	case raw[0] == '[':
		list := []any{}
		for inner.Array(); inner.Next(); {
			var item value
			item.ReadJSON(inner)
			list = append(list, item.v)
		}
		v.v = list
	case raw[0] == '"':
		v.v = inner.String()
	case raw[0] == 't' || raw[0] == 'f':
		v.v = inner.Bool()
	default:
		v.v = inner.Float64()
	}
	if err := inner.Err(); err != nil {
		r.Fail(err.Error())
	}
}

func TestHostileInput(t *testing.T) {
	deep := strings.Repeat("[", 100000)
	for name, input := range map[string]string{
		"empty":             "",
		"white space":       " \n\t",
		"deep arrays":       deep,
		"deep closed":       strings.Repeat("[", 65) + strings.Repeat("]", 65),
		"deep objects":      strings.Repeat(`{"a":`, 1000),
		"truncated string":  `"abc`,
		"truncated escape":  `"abc\`,
		"truncated unicode": `"\u00`,
		"bad unicode":       `"\u00zz"`,
		"bad escape":        `"\x"`,
		"control":           "\"a\nb\"",
		"bad UTF-8":         "\"\xff\"",
		"overlong UTF-8":    "\"\xc0\xaf\"",
		"cut UTF-8":         "\"\xe2\x82\"",
		"trailing":          `{} {}`,
		"trailing comma":    `[1,]`,
		"object comma":      `{"a":1,}`,
		"no colon":          `{"a" 1}`,
		"bare key":          `{a:1}`,
		"leading zero":      `01`,
		"plus":              `+1`,
		"lone minus":        `-`,
		"no fraction":       `1.`,
		"no exponent":       `1e`,
		"nul":               "\x00",
		"wrong literal":     `nulL`,
		"crossed":           `[}`,
		"NaN":               `NaN`,
		"huge float":        `1e999`,
		"byte order mark":   "\ufeff{}",
	} {
		var v value
		err := codec.Unmarshal([]byte(input), &v)
		if e := (*codec.Error)(nil); !errors.As(err, &e) || e.Problem == "" || e.Offset > len(input) {
			t.Errorf("%s: got %v (%v), want an *Error", name, err, v.v)
		}
	}
}

func TestDepthLimitIsExact(t *testing.T) {
	ok := strings.Repeat("[", codec.MaxDepth) + strings.Repeat("]", codec.MaxDepth)
	r := codec.NewReader([]byte(ok))
	r.Skip()
	if r.End(); r.Err() != nil {
		t.Errorf("depth %d: %v", codec.MaxDepth, r.Err())
	}
	r = codec.NewReader([]byte("[" + ok + "]"))
	if r.Skip(); r.Err() == nil {
		t.Errorf("depth %d is accepted", codec.MaxDepth+1)
	}
}

func TestNumbers(t *testing.T) {
	read := func(input string, read func(*codec.Reader)) error {
		r := codec.NewReader([]byte(input))
		read(r)
		r.End()
		return r.Err()
	}
	i64 := func(want int64) func(*codec.Reader) {
		return func(r *codec.Reader) {
			if got := r.Int64(); got != want && r.Err() == nil {
				t.Errorf("got %d, want %d", got, want)
			}
		}
	}
	u16 := func(r *codec.Reader) { r.Uint16() }
	for _, c := range []struct {
		input string
		read  func(*codec.Reader)
		ok    bool
	}{
		{"0", i64(0), true},
		{"-0", i64(0), true},
		{"9223372036854775807", i64(math.MaxInt64), true},
		{"-9223372036854775808", i64(math.MinInt64), true},
		{"9223372036854775808", i64(0), false},
		{"1.0", i64(0), false},
		{"1e3", i64(0), false},
		{`"1"`, i64(0), false},
		{"null", i64(0), true},
		{strings.Repeat("9", 100000), i64(0), false},
		{"65535", u16, true},
		{"65536", u16, false},
		{"-1", u16, false},
		{"-0", u16, true},
		{"4294967295", func(r *codec.Reader) { r.Uint32() }, true},
		{"4294967296", func(r *codec.Reader) { r.Uint32() }, false},
		{"18446744073709551615", func(r *codec.Reader) { r.Uint64() }, true},
		{"18446744073709551616", func(r *codec.Reader) { r.Uint64() }, false},
		{"-2147483649", func(r *codec.Reader) { r.Int32() }, false},
		{"true", func(r *codec.Reader) { r.Bool() }, true},
		{"1", func(r *codec.Reader) { r.Bool() }, false},
		{`"AP8="`, func(r *codec.Reader) { r.Bytes() }, true},
		{`"AP8"`, func(r *codec.Reader) { r.Bytes() }, false},
		{"[]", func(r *codec.Reader) { r.Object() }, false},
		{"{}", func(r *codec.Reader) { r.Array() }, false},
	} {
		if err := read(c.input, c.read); (err == nil) != c.ok {
			t.Errorf("%.40s: %v", c.input, err)
		}
	}
}

func TestStrings(t *testing.T) {
	for in, want := range map[string]string{
		`""`:                                 "",
		`"plain"`:                            "plain",
		`"\"\\\/\b\f\n\r\t"`:                 "\"\\/\b\f\n\r\t",
		`"\u00e9 é"`:                         "é é",
		`"\ud83d\ude42"`:                     "🙂",
		`"\ud83d"`:                           "\ufffd",
		`"\ud83d\u0041"`:                     "\ufffdA",
		`"\ude42\ud83d"`:                     "\ufffd\ufffd",
		`"\ud83dx"`:                          "\ufffdx",
		"\"\u2028\x7f\"":                     "\u2028\x7f",
		`"` + strings.Repeat("é", 999) + `"`: strings.Repeat("é", 999),
	} {
		r := codec.NewReader([]byte(in))
		if got := r.String(); got != want || r.Err() != nil {
			t.Errorf("%s: got %q (%v), want %q", in, got, r.Err(), want)
		}
	}
}

func TestWriterMakesValidJSON(t *testing.T) {
	for _, s := range []string{"", "\x00\x1f\"\\\n\r\t", "\xff", "a\xe2\x82", "é🙂\u2028", strings.Repeat("\x01", 9)} {
		data := codec.AppendString(nil, s)
		var got string
		if err := json.Unmarshal(data, &got); err != nil || got != string([]rune(s)) {
			t.Errorf("%q: wrote %s, read back %q, %v", s, data, got, err)
		}
	}
	for _, f := range []float64{0, -1, 0.1, 1e-7, 1e21, math.MaxFloat64, math.SmallestNonzeroFloat64} {
		var got float64
		if err := json.Unmarshal(codec.AppendFloat(nil, f), &got); err != nil || got != f {
			t.Errorf("%v: read back %v, %v", f, got, err)
		}
	}
	if got := string(codec.AppendFloat(nil, math.Inf(1))); got != "null" {
		t.Errorf("infinity is %s", got)
	}
}

func TestRepeatedKeyTheLastCounts(t *testing.T) {
	var v value
	if err := codec.Unmarshal([]byte(`{"a":1,"a":2}`), &v); err != nil || v.v.(map[string]any)["a"] != 2.0 {
		t.Errorf("got %v, %v", v.v, err)
	}
}

func TestReaderDoesNotAliasItsInput(t *testing.T) {
	data := []byte(`{"a":{"b":"text"}}`)
	r := codec.NewReader(data)
	r.Object()
	r.Next()
	raw := r.Raw()
	clear(data)
	if string(raw) != `{"b":"text"}` {
		t.Errorf("raw changed to %q", raw)
	}
}

func TestErrorNamesThePlace(t *testing.T) {
	r := codec.NewReader([]byte(`{"a":[{},{"b":tru}]}`))
	r.Skip()
	if got, want := r.Err().Error(), "a[1].b: expected a value (byte 14)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzReader(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.5e3,"x\u00e9",null,true]}`, `[]`, `"\ud83d\ude42"`, `{"a":1,"a":{}}`, `-0`, "[[[", `{"a`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r := codec.NewReader(data)
		r.Skip()
		r.End()
		ours, theirs := r.Err() == nil, json.Valid(data)
		if ours && !theirs {
			t.Fatalf("accepted what is not JSON: %q", data)
		}
		if !ours && theirs && !strings.Contains(r.Err().Error(), "deeply") && !strings.Contains(r.Err().Error(), "UTF-8") {
			t.Fatalf("refused valid JSON %q: %v", data, r.Err())
		}
		if !ours {
			return
		}
		var v value
		if err := codec.Unmarshal(data, &v); err != nil {
			if strings.Contains(err.Error(), "range") || strings.Contains(err.Error(), "deeply") {
				return
			}
			t.Fatalf("skipped but not read: %q: %v", data, err)
		}
		var want any
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatalf("encoding/json: %v", err)
		}
		var shared value
		if err := codec.UnmarshalShared(data, &shared); err != nil {
			t.Fatalf("%q cannot be shared: %v", data, err)
		}
		a, _ := json.Marshal(v.v)
		b, _ := json.Marshal(want)
		if c, _ := json.Marshal(shared.v); string(c) != string(a) {
			t.Fatalf("%q read as %s, and %s where it is shared", data, a, c)
		}
		if string(a) != string(b) {
			t.Fatalf("%q read as %s, want %s", data, a, b)
		}
	})
}

// TestAllStringsAreKept: strings that are read one after the other, of all kinds, stay what they were, shared or not, and a
// list that grows by its text's length has each.
func TestAllStringsAreKept(t *testing.T) {
	var want []string
	for n := range 300 {
		want = append(want, fmt.Sprint(n), fmt.Sprintf("\"%d\n", n), fmt.Sprintf("\u00e9 %d", n), "")
	}
	data, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	for _, share := range []bool{false, true} {
		r := codec.NewReader(append([]byte(nil), data...))
		if share {
			r.Share()
		}
		var refs []*string
		for r.Array(); r.Next(); {
			refs = append(refs, r.StringRef())
		}
		var list []*value
		for _, v := range codec.List[value](codec.NewReader(data), len(want)) {
			list = append(list, &v)
		}
		if len(refs) != len(want) || len(list) != len(want) || r.Err() != nil {
			t.Fatalf("%d and %d of %d: %v", len(refs), len(list), len(want), r.Err())
		}
		for i := range want {
			if *refs[i] != want[i] || list[i].v != want[i] {
				t.Errorf("share %v: %d is %q and %q, want %q", share, i, *refs[i], list[i].v, want[i])
			}
		}
	}
}

// TestEscapedTextsAreTheirOwn: what one string was unescaped to is not changed by those read after it, also where it is a
// field's name.
func TestEscapedTextsAreTheirOwn(t *testing.T) {
	r := codec.NewReader([]byte(`{"\u0061bc":["\u0078yz","\n\n\n\n\n\n\n\n","plain","\""],"next\t":1}`))
	r.Object()
	var texts []string
	for r.Next() {
		if r.Index() > 0 {
			r.Fail("it is " + string(r.Key()))
			break
		}
		r.Array()
		for r.Next() {
			texts = append(texts, r.String())
			if want := fmt.Sprintf("abc[%d]", len(texts)-1); r.Path() != want {
				t.Errorf("path %q, want %q", r.Path(), want)
			}
		}
	}
	if got := fmt.Sprintf("%q %v", texts, r.Err()); got != `["xyz" "\n\n\n\n\n\n\n\n" "plain" "\""] next	: it is next	 (byte 66)` {
		t.Errorf("got %s", got)
	}
}

// TestWhole gives the value alone, and nothing where it is not one valid value.
func TestWhole(t *testing.T) {
	for text, want := range map[string]string{
		` {"a": [1, "x"]} ` + "\n": `{"a": [1, "x"]}`, "null": "null", `"\u00e9"`: `"\u00e9"`, "-1.5e3": "-1.5e3",
		"": "", " ": "", "{": "", "1 2": "", `{"a":1}x`: "", `"`: "", "nul": "", strings.Repeat("[", 65) + strings.Repeat("]", 65): "",
	} {
		if got := string(codec.Whole([]byte(text))); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
