package config_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/wit"
)

// TestJSON5: what people write beside JSON is read as what it means.
func TestJSON5(t *testing.T) {
	for text, want := range map[string]string{
		"{// a comment\n a: 1, /* and\n another */ 'b': [1, 2,],}":    `{"a":1,"b":[1,2]}`,
		`{a: 'it\'s "so"', "b": "it's // no comment /* nor this */"}`: `{"a":"it's \"so\"","b":"it's // no comment /* nor this */"}`,
		`{hex: 0x1F, plus: +7, half: .5, whole: 5., minus: -.5}`:      `{"hex":31,"plus":7,"half":0.5,"whole":5,"minus":-0.5}`,
		"{a: 'one \\\ntwo', b: '\\x41\\v'}":                           `{"a":"one two","b":"A\u000b"}`,
		"{$a_1: true, null: null, true: false}":                       `{"$a_1":true,"null":null,"true":false}`,
		"\ufeff{a: 'ö\u00a0ü'}\u00a0":                                 `{"a":"ö\u00a0ü"}`,
		"// nothing":                                                  `{}`,
	} {
		d, err := config.ParseDocument([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got, _ := d.Get()
		var is, should any
		if json.Unmarshal(got, &is) != nil || json.Unmarshal([]byte(want), &should) != nil || !reflect.DeepEqual(is, should) {
			t.Errorf("%s is %s, want %s", text, got, want)
		}
		if string(d.Text()) != text {
			t.Errorf("the text itself has changed: %s", d.Text())
		}
	}
	for text, says := range map[string]string{
		"{,}": "column 2", "{a: [,]}": "column 6", "{a: 1,, b: 2}": "column 7", "{a: 'x": "line 1", "{/* a: 1}": "column 2", "{a: NaN}": "column 5", "{a: 1 b: 2}": "column 7",
		"{\n  // here\n  log: {level: 'loud'},\n}": "line 3, column 16: log.level",
	} {
		if _, err := config.Parse([]byte(text)); wit.CodeOf(err) != wit.CodeInvalid || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %s", text, err, says)
		}
	}
}

// FuzzJSON5: whatever stands in a file, reading it ends, and JSON means what it did.
func FuzzJSON5(f *testing.F) {
	for _, seed := range []string{`{a: 'b', /* c */ "d": [1,],}`, `{"a":1}`, "'", "/*", `{"\`, "{a:0x}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := config.ParseDocument([]byte(text))
		if err == nil {
			if got, _ := d.Get(); !json.Valid(got) {
				t.Errorf("%q is %q", text, got)
			}
		}
	})
}

// files writes files into a new folder and returns the first one's path.
func files(t *testing.T, list ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(list); i += 2 {
		path := filepath.Join(dir, list[i])
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(list[i+1]), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, list[0])
}

// TestIncludes: a file takes settings from others, below its own, and values from the environment.
func TestIncludes(t *testing.T) {
	t.Setenv("CARAPACE_TEST_NAME", `Ada "the first"`)
	path := files(t, "carapace.json", `{
		$include: ['base.json', 'sub/log.json'], // what follows wins
		agent: {name: '${CARAPACE_TEST_NAME}', systemPrompt: 'say $${HOME} and ${home}'},
		channels: {$include: 'channels.json'},
	}`, "base.json", `{"agent":{"name":"nobody","model":"a/b"},"log":{"level":"warn"}}`, "sub/log.json", `{$include: 'deeper.json', log: {format: 'json'}}`,
		"sub/deeper.json", `{log: {level: 'debug'}}`, "channels.json", `{chat: {accounts: {home: {dmPolicy: 'open'}}}}`)
	c, _, _, err := config.Load(path, true)
	if err != nil {
		t.Fatal(err)
	}
	if c.Agent.Name != `Ada "the first"` || c.Agent.Model != "a/b" || c.Agent.SystemPrompt != "say ${HOME} and ${home}" || c.Log.Level != "debug" || c.Log.Format != "json" ||
		c.Channels["chat"].Accounts["home"].DMPolicy != "open" {
		t.Errorf("%+v", c)
	}
}

// TestIncludesThatCannotBe are refused with their place.
func TestIncludesThatCannotBe(t *testing.T) {
	for name, c := range map[string]struct {
		files []string
		says  string
	}{
		"missing":  {[]string{"a", "{\n$include: 'b'}"}, "line 2, column 1: $include \"b\" cannot be read"},
		"circle":   {[]string{"a", `{$include: 'b'}`, "b", `{$include: 'a'}`}, "more than 8 deep"},
		"outside":  {[]string{"a", `{$include: '../b'}`}, "outside of the folder"},
		"absolute": {[]string{"a", `{$include: '/etc/hostname'}`}, "outside of the folder"},
		"a list":   {[]string{"a", `{$include: 'b'}`, "b", `[]`}, "must hold an object"},
		"a number": {[]string{"a", `{$include: 7}`}, "must be a file's name"},
		"mistake":  {[]string{"a", `{$include: 'b'}`, "b", `{log: {level: 'loud'}}`}, "log.level"},
		"syntax":   {[]string{"a", `{$include: 'b'}`, "b", `{`}, "too soon"},
		"variable": {[]string{"a", "{\n agent: {name: '${CARAPACE_TEST_NOT_SET}'}}"}, "line 2, column 16: ${CARAPACE_TEST_NOT_SET}"},
	} {
		if _, _, _, err := config.Load(files(t, c.files...), true); wit.CodeOf(err) != wit.CodeInvalid || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %s", name, err, c.says)
		}
	}
	if _, err := config.Parse([]byte(`{$include: 'a'}`)); err == nil || !strings.Contains(err.Error(), "only in a file") {
		t.Errorf("%v", err)
	}
}

// TestAChangeKeepsWhatIsTakenFromElsewhere: the file's own text keeps its includes and variables, nothing of the environment
// is shown, and what was JSON5 is kept beside it.
func TestAChangeKeepsWhatIsTakenFromElsewhere(t *testing.T) {
	t.Setenv("CARAPACE_TEST_TOKEN", "a-token-of-the-environment")
	path := files(t, "carapace.json", `{$include: 'base.json', /* mine */ gateway: {token: '${CARAPACE_TEST_TOKEN}'}}`, "base.json", `{log: {level: 'warn'}}`)
	s, err := config.Open(config.Deps{Path: path, Bus: new(event.Bus), Log: hclog.NewNullLogger()})
	if err != nil {
		t.Fatal(err)
	}
	if s.Config().Gateway.Token != "a-token-of-the-environment" || s.Config().Log.Level != "warn" {
		t.Errorf("%+v", s.Config())
	}
	show := func(_, _ string, section wit.JSON) wit.JSON { return section }
	shown := s.Document()
	c, err := shown.Redact(show)
	if err != nil || c.Log.Level != "warn" || strings.Contains(string(shown.Text())+c.Gateway.Token, "environment") {
		t.Errorf("%v %+v %s", err, c, shown.Text())
	}
	before := s.Document()
	if _, err := s.Edit(t.Context(), "", func(d *config.Document) error {
		if err := d.Replace([]byte(strings.Replace(string(shown.Text()), `"gateway"`, `"agent": {"name": "Ada"}, "gateway"`, 1))); err != nil {
			return err
		}
		return d.Restore(before, show)
	}); err != nil {
		t.Fatal(err)
	}
	text, _ := os.ReadFile(path)
	if !strings.Contains(string(text), "${CARAPACE_TEST_TOKEN}") || !strings.Contains(string(text), "$include") || s.Config().Agent.Name != "Ada" || s.Config().Log.Level != "warn" {
		t.Errorf("%s %+v", text, s.Config())
	}
	if kept, err := os.ReadFile(path + ".bak"); err != nil || !strings.Contains(string(kept), "/* mine */") {
		t.Errorf("%s %v", kept, err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(path), "base.json"), []byte(`{"log":{"level":"debug"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if news, _, err := s.Reload(); err != nil || !news || s.Config().Log.Level != "debug" {
		t.Errorf("an included file has changed: %v %v %+v", news, err, s.Config().Log)
	}
}
