package json_test

import (
	stdjson "encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

func parse(t *testing.T, text string) json.Value {
	t.Helper()
	v, err := json.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestValue(t *testing.T) {
	v := parse(t, ` {"chat":{"id":-1001234567890,"title":"a\u00e9"},"list":[1,{"x":"2"},null],"yes":true,"f":1.5,"n":null,"chat2":"7"} `)
	if got := v.Get("chat", "id").Int(); got != -1001234567890 {
		t.Errorf("id is %d", got)
	}
	if got := v.Get("chat", "id").Text(); got != "-1001234567890" {
		t.Errorf("id as text is %q", got)
	}
	if got := v.Get("chat", "title").Text(); got != "aé" {
		t.Errorf("title is %q", got)
	}
	if got := v.Get("chat2").Int(); got != 7 {
		t.Errorf("digits in a string are %d", got)
	}
	if !v.Get("yes").Bool() || v.Get("f").Float() != 1.5 {
		t.Error("yes or f is wrong")
	}
	var items []string
	for item := range v.Get("list").Items() {
		items = append(items, string(item.Raw()))
	}
	if got := strings.Join(items, "|"); got != `1|{"x":"2"}|` {
		t.Errorf("items are %s", got)
	}
}

func TestWhatIsMissingIsZero(t *testing.T) {
	v := parse(t, `{"a":[1],"n":null,"big":99999999999999999999}`)
	for _, missing := range []json.Value{v.Get("b", "c"), v.Get("a", "x"), v.Get("n"), {}, v.Get("n", "n")} {
		if missing.Exists() || missing.Text() != "" || missing.Int() != 0 || missing.Float() != 0 || missing.Bool() {
			t.Errorf("%q is not zero", missing.Raw())
		}
		for range missing.Items() {
			t.Error("there is an item")
		}
	}
	if got := v.Get("big").Int(); got != 0 {
		t.Errorf("what does not fit is %d", got)
	}
}

func TestAround(t *testing.T) {
	const text = ` {"a":"x","b":{"a":"x"}} `
	v, err := json.ParseText(text)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		value         json.Value
		before, after string
	}{
		{v, " ", " "},
		{v.Get("a"), ` {"a":`, `,"b":{"a":"x"}} `},
		{v.Get("b", "a"), ` {"a":"x","b":{"a":`, `}} `},
		{v.Get("c"), "", ""},
		{parse(t, `"x"`), "", ""},
	} {
		if before, after := c.value.Around(text); before != c.before || after != c.after {
			t.Errorf("%s stands between %q and %q, want %q and %q", c.value.Raw(), before, after, c.before, c.after)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"", "{", "<html>", `{"a":1}x`, strings.Repeat("[", 99)} {
		if _, err := json.Parse([]byte(text)); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("%.10q: %v, want invalid", text, err)
		}
	}
}

func TestBuild(t *testing.T) {
	list := json.Array{}.Add(json.Text("a\"b")).Add(json.Object{}.JSON()).JSON()
	got := json.Object{}.Text("t\n", "é").Int("i", -3).Float("f", 0.5).Bool("b", false).
		Raw("list", list).Raw("none", nil).Raw("empty", json.Array{}.JSON()).JSON()
	want := `{"t\n":"é","i":-3,"f":0.5,"b":false,"list":["a\"b",{}],"empty":[]}`
	if string(got) != want || !stdjson.Valid(got) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestCredential(t *testing.T) {
	if got := string(json.Object{}.Credential("k", "api_key").JSON()); got != `{"k":"{{credential:api_key}}"}` {
		t.Errorf("got %s", got)
	}
}

// FuzzValue holds what is found by going through a value against encoding/json.
func FuzzValue(f *testing.F) {
	for _, seed := range []string{`{"a":[1,2.5e3,"x\u00e9",null,true],"b":{}}`, `[]`, ` { "a" : [ ] , "\u0061" : "\"]}" } `, `[[[{"a":{"b":[]}}]]]`, `"\\"`, `{"":0,"a":null}`, `[ 1 , {"c" : -0 } ]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := json.Parse(data)
		if err != nil {
			return
		}
		var want any
		if err := stdjson.Unmarshal(data, &want); err != nil {
			t.Skip(err) // a number that is too large for it
		}
		compare(t, v, want)
		text, err := json.ParseText(string(data))
		if err != nil {
			t.Fatalf("as a text: %v", err)
		}
		compare(t, text, want)
	})
}

// compare goes through all of v.
func compare(t *testing.T, v json.Value, want any) {
	t.Helper()
	switch want := want.(type) {
	case map[string]any:
		seen := map[string]bool{}
		for name, field := range v.Fields() {
			seen[name] = true
			if _, known := want[name]; !known || !v.IsObject() {
				t.Fatalf("%s has no %q", v.Raw(), name)
			}
			_ = field
		}
		for name := range want {
			if !seen[name] {
				t.Fatalf("%q of %s is not found", name, v.Raw())
			}
			compare(t, v.Get(name), want[name])
		}
	case []any:
		n := 0
		for item := range v.Items() {
			if n >= len(want) {
				t.Fatalf("%s has more than %d items", v.Raw(), n)
			}
			compare(t, item, want[n])
			n++
		}
		if n != len(want) || !v.IsArray() {
			t.Fatalf("%d items of %s are found", n, v.Raw())
		}
	case nil:
		if v.Exists() {
			t.Fatalf("%s is not null", v.Raw())
		}
	case string:
		if v.Text() != want || !v.IsText() {
			t.Fatalf("%s is %q", v.Raw(), v.Text())
		}
	case bool:
		if v.Bool() != want {
			t.Fatalf("%s is %v", v.Raw(), v.Bool())
		}
	case float64:
		if v.Float() != want {
			t.Fatalf("%s is %v, not %v", v.Raw(), v.Float(), want)
		}
	}
}

func TestSparse(t *testing.T) {
	var o json.Sparse
	o.AddInt("no", 0)
	o.AddText("none", "")
	o.AddTrue("false", false)
	o.AddTexts("nobody", nil)
	json.AddList(&o, "nothing", []int{}, func(int) wit.JSON { return wit.JSON("1") })
	if got := string(o.JSON()); got != "{}" {
		t.Errorf("what is zero: %s", got)
	}
	o.AddInt("n", 1)
	o.AddText("text", "a")
	o.AddTrue("true", true)
	o.AddTexts("texts", []string{"a", `"`})
	json.AddList(&o, "list", []bool{true, false}, func(b bool) wit.JSON { return json.Object{}.Bool("b", b).JSON() })
	const want = `{"n":1,"text":"a","true":true,"texts":["a","\""],"list":[{"b":true},{"b":false}]}`
	if got := string(o.JSON()); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestTexts(t *testing.T) {
	for data, want := range map[string][]string{`["a",1,null]`: {"a", "1", ""}, `[]`: nil, `{"a":1}`: nil, `"a"`: nil} {
		v, err := json.Parse(wit.JSON(data))
		if got := v.Texts(); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %q, %v", data, got, err)
		}
	}
}
