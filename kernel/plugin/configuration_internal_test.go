package plugin

import (
	"testing"

	"github.com/carapace-gateway/carapace/wit"
)

// said is what the owner has written, by account; "" is the plugin's own section.
type said map[string]string

func (said) PluginEnabled(string) bool      { return true }
func (said) Fault(string, string) string    { return "" }
func (s said) PluginConfig(string) wit.JSON { return wit.JSON(s[""]) }
func (s said) AccountConfig(_, account string) (wit.JSON, bool) {
	text, there := s[account]
	return wit.JSON(text), there
}

const defaultsSchema = `{"properties":{"a":{"type":"integer","default":1},"b":{"type":"string","default":"x"},"key":{"x-secret":true,"default":"no"}}}`

// TestASectionWithItsDefaults: the plugin gets them, who asks what the owner has written does not, and a section is filled once for
// each text of it. A section that the schema is not about, or that does not fit it, has none.
func TestASectionWithItsDefaults(t *testing.T) {
	written := said{"": `{"a":2,"key":"seen"}`, "acc": `{}`}
	tool := newConfiguration(&wit.Manifest{ID: "p", Config: wit.JSON(defaultsSchema)}, written)
	check := func(want, wantOwn string) wit.JSON {
		t.Helper()
		got, err := tool.section("")
		own, ownErr := tool.own("")
		if string(got) != want || string(own) != wantOwn || err != nil || ownErr != nil {
			t.Errorf("%s and %s, want %s and %s; %v, %v", got, own, want, wantOwn, err, ownErr)
		}
		return got
	}
	first := check(`{"a":2,"b":"x"}`, `{"a":2}`)
	if again := check(`{"a":2,"b":"x"}`, `{"a":2}`); &again[0] != &first[0] {
		t.Error("an unchanged section is filled anew")
	}
	if flat := tool.flat(); len(flat) != 2 || flat["a"] != "2" || flat["b"] != "x" {
		t.Errorf("one by one: %v", flat)
	}
	written[""] = ``
	check(`{"a":1,"b":"x"}`, ``)
	if got, err := tool.section("acc"); string(got) != `{}` || err != nil {
		t.Errorf("an account of what is no channel has %s, %v", got, err)
	}

	needs := newConfiguration(&wit.Manifest{ID: "p", Config: wit.JSON(`{"required":["url"]}`)}, said{})
	if _, err := needs.section(""); err == nil || err.Error() != "config of p: missing property 'url': `carapace setup p` asks for it" {
		t.Errorf("what nobody has set up: %v", err)
	}

	written[""] = `{"a":"two"}`
	got, err := tool.section("")
	if own, ownErr := tool.own(""); len(got)+len(own) > 0 || wit.CodeOf(err) != wit.CodeInvalid || wit.CodeOf(ownErr) != wit.CodeInvalid {
		t.Errorf("what does not fit: %s, %s, %v, %v", got, own, err, ownErr)
	}
	if flat := tool.flat(); len(flat) != 1 || flat["a"] != "two" {
		t.Errorf("one by one, what does not fit: %v", flat)
	}

	channel := newConfiguration(&wit.Manifest{ID: "p", Config: wit.JSON(defaultsSchema), Provides: wit.Provides{Channel: &wit.ChannelFacts{}}}, written)
	if got, err := channel.section("acc"); string(got) != `{"a":1,"b":"x"}` || err != nil {
		t.Errorf("an account has %s, %v", got, err)
	}
	if got, err := channel.section(""); string(got) != `{"a":"two"}` || err != nil {
		t.Errorf("a channel's own section has %s, %v", got, err)
	}
}
