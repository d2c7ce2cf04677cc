package json_test

import (
	stdjson "encoding/json"
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
