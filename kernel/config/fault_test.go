package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/wit"
)

// TestAWrongSectionIsOff, with the reason, and all else in the file is in force; written by a client it is refused.
func TestAWrongSectionIsOff(t *testing.T) {
	t.Setenv("CARAPACE_TEST_SET", "set")
	type off struct{ plugin, account, path, says string }
	for text, want := range map[string][]off{
		`"plugins":{"p":{"enabledd":true}}`:                 {{"p", "", "plugins.p.enabledd", "did you mean enabled?"}},
		`"plugins":{"p":7}`:                                 {{"p", "", "plugins.p", "plugins.p must be an object, not a number"}},
		`"plugins":{"p":{"enabled":"no"}}`:                  {{"p", "", "plugins.p.enabled", "must be true or false"}},
		`"channels":{"c":{"dmPolcy":"open","accounts":{}}}`: {{"c", "", "channels.c.dmPolcy", "did you mean accounts.ACCOUNT.dmPolicy?"}},
		`"channels":{"c":"1234:token"}`:                     {{"c", "", "channels.c", "must be an object, not a text"}},
		`"channels":{"c":{"model":"nobody"}}`:               {{"c", "", "channels.c.model", "must be provider/model"}},
		`"channels":{"c":{"accounts":[]}}`:                  {{"c", "", "channels.c.accounts", "must be an object, not a list"}},
		`"channels":{"c":{"accounts":{"a":{"dmPolcy":"open"},"b":{}}}}`: {
			{"c", "a", "channels.c.accounts.a.dmPolcy", "did you mean dmPolicy?"}},
		`"channels":{"c":{"accounts":{"a":{"dmPolicy":"any"},"b":{"groups":7},"A B":{}}}}`: {
			{"c", "A B", "channels.c.accounts.A B", "an account's name"}, {"c", "a", "channels.c.accounts.a.dmPolicy", "must be one of"},
			{"c", "b", "channels.c.accounts.b.groups", "must be a list"}},
		`"plugins":{"p":{"config":{"key":"${CARAPACE_TEST_NOT_SET}"}},"q":{"config":{"key":"${CARAPACE_TEST_SET}"}}}`: {
			{"p", "", "plugins.p.config.key", "no such variable"}},
		`"channels":{"c":{"$include":"gone.json"}},"plugins":{"p":{"confg":{}}}`: {
			{"c", "", "channels.c", `$include "gone.json" cannot be read`}, {"p", "", "plugins.p.confg", "did you mean config?"}},
	} {
		text = `{"log":{"level":"warn"},` + text + `}`
		path := filepath.Join(t.TempDir(), "carapace.json")
		w := open(t, path, text)
		c, _, faults, err := config.Load(path, true)
		if err != nil || c.Log.Level != "warn" || w.Config().Log.Level != "warn" || len(faults) != len(want) || len(w.Faults()) != len(want) || w.broken() {
			t.Errorf("%s\n gives %v, %v, %v", text, faults, w.Faults(), err)
			continue
		}
		for i, f := range faults {
			is := want[i]
			if f.Plugin() != is.plugin || f.Account() != is.account || strings.Join(f.Path, ".") != is.path || !strings.Contains(f.Message, is.says) {
				t.Errorf("%s\n gives %+v", text, f)
			}
			if got := w.Fault(is.plugin, is.account); got != f.Message || !strings.Contains(got, is.path) && !strings.Contains(got, strings.TrimSuffix(is.path, "."+f.Path[len(f.Path)-1])) {
				t.Errorf("%s\n says %q", text, got)
			}
			if n := strings.Count(w.log.String(), strings.ReplaceAll(f.Message, `"`, `\"`)); n != 1 {
				t.Errorf("%s\n is %d times in the log: %s", text, n, w.log.String())
			}
			if a, known := w.Account(is.plugin, is.account); is.account != "" && known && (a.Enabled == nil || *a.Enabled) {
				t.Errorf("%s\n runs %s", text, is.account)
			}
			if is.account == "" && strings.HasPrefix(is.path, "plugins") && w.PluginEnabled(is.plugin) {
				t.Errorf("%s\n runs %s", text, is.plugin)
			}
		}
		if _, err := w.Check([]byte(text)); wit.CodeOf(err) != wit.CodeInvalid || config.FaultOf(err) == nil {
			t.Errorf("%s\n is fine: %v", text, err)
		}
	}
}

// TestWhatIsNoSectionIsRefused as a whole.
func TestWhatIsNoSectionIsRefused(t *testing.T) {
	for _, text := range []string{`{"plugins":[]}`, `{"channels":7}`, `{"plugin":{}}`, `{"plugins":{"p":{"enabledd":1}},"log":{"level":"loud"}}`, `{"log":{"levl":"info"}}`} {
		path := filepath.Join(t.TempDir(), "carapace.json")
		must(t, os.WriteFile(path, []byte(text), 0o600))
		if _, _, _, err := config.Load(path, true); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestASectionIsMended while the gateway runs, and spoiled again: those whom it is about are told, and the log has each mistake once.
func TestASectionIsMended(t *testing.T) {
	path := filepath.Join(t.TempDir(), "carapace.json")
	w := open(t, path, `{"channels":{"c":{"accounts":{"a":{},"b":{}}}}}`)
	put := func(text string, want ...config.Changed) {
		t.Helper()
		must(t, os.WriteFile(path, []byte(text), 0o600))
		w.news = nil
		if news, _, err := w.Reload(); !news || err != nil {
			t.Fatalf("%v %v", news, err)
		}
		for _, c := range want {
			if !contains(w.news, c) {
				t.Errorf("%s: %v is not told: %v", text, c, w.news)
			}
		}
	}
	put(`{"channels":{"c":{"accounts":{"a":{"dmPolcy":"open"},"b":{}}}}}`, config.Changed{Plugin: "c", Account: "a"})
	if w.Fault("c", "a") == "" || w.Fault("c", "b") != "" || w.Fault("c", "") != "" {
		t.Errorf("%v", w.Faults())
	}
	put(`{"channels":{"c":{"accounts":{"a":{"dmPolcy":"open"},"b":{"dmPolicy":"open"}}}},"log":{"level":"warn"}}`)
	put(`{"channels":{"c":{"accounts":{"a":{"dmPolicy":"open"},"b":{}}}}}`, config.Changed{Plugin: "c", Account: "a"})
	if a, ok := w.Account("c", "a"); !ok || a.DMPolicy != "open" || a.Enabled != nil || len(w.Faults()) != 0 {
		t.Errorf("%+v %v", a, w.Faults())
	}
	put(`{"channels":{"c":[]}}`, config.Changed{Plugin: "c"})
	put(`{"channels":{"c":{"accounts":{"a":{}}}}}`, config.Changed{Plugin: "c"})
	if n := strings.Count(w.log.String(), "dmPolcy"); n != 1 {
		t.Errorf("%d times in the log: %s", n, w.log.String())
	}
	// A fault may come and go by what stands elsewhere.
	put(`{"channels":{"c":{"accounts":{"a":{"model":"fast"}}}},"agents":{"defaults":{"models":{"a/b":{"alias":"fast"}}}}}`)
	put(`{"channels":{"c":{"accounts":{"a":{"model":"fast"}}}}}`, config.Changed{Plugin: "c", Account: "a"})
	put(`{"channels":{"c":{"accounts":{"a":{"model":"fast"}}}},"agents":{"defaults":{"models":{"a/b":{"alias":"fast"}}}}}`, config.Changed{Plugin: "c", Account: "a"})
}

func contains(list []config.Changed, c config.Changed) bool {
	for _, is := range list {
		if is == c {
			return true
		}
	}
	return false
}

// TestAnEditOfAnotherSection goes through where one is wrong, which stays as it is; an edit that makes one wrong does not.
func TestAnEditOfAnotherSection(t *testing.T) {
	path := filepath.Join(t.TempDir(), "carapace.json")
	w := open(t, path, `{"plugins":{"p":{"enabledd":true}}}`)
	_, err := w.Edit(t.Context(), "", merge(`{"log":{"level":"warn"},"plugins":{"q":{"enabled":false}}}`))
	text, _ := os.ReadFile(path)
	if err != nil || w.Config().Log.Level != "warn" || !strings.Contains(string(text), "enabledd") || w.Fault("p", "") == "" {
		t.Errorf("%v: %s", err, text)
	}
	must(t, w.Own(t.Context(), "chat", "7"))
	for _, patch := range []string{`{"plugins":{"q":{"enabledd":true}}}`, `{"plugins":{"p":{"confg":7,"enabledd":null}}}`, `{"channels":{"c":{"accounts":{"a":{"dmPolcy":"open"}}}}}`} {
		if _, err := w.Edit(t.Context(), "", merge(patch)); wit.CodeOf(err) != wit.CodeInvalid || !strings.Contains(err.Error(), "did you mean") {
			t.Errorf("%s: %v", patch, err)
		}
		if err := w.Try(merge(patch)); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("%s: %v", patch, err)
		}
	}
	if _, err := w.Edit(t.Context(), "", merge(`{"plugins":{"p":{"enabledd":null}}}`)); err != nil || w.Fault("p", "") != "" || !w.PluginEnabled("p") {
		t.Errorf("%v %v", err, w.Faults())
	}
}

// TestWhatStandsInAWrongPlaceIsNotShown: somebody may have put a secret there. Written back it stays.
func TestWhatStandsInAWrongPlaceIsNotShown(t *testing.T) {
	const text = `{"plugins":{"p":{"key":"s3cret","enabledd":true,"enbaled":"yes","confg":{"key":"s3cret"}},"q":"s3cret"},
		"channels":{"c":{"token":"s3cret","accounts":{"a":{"botToken":"s3cret","dmPolcy":"open"}}}}}`
	d, err := config.ParseDocument([]byte(text))
	must(t, err)
	shown, err := config.ParseDocument([]byte(text))
	must(t, err)
	c, err := shown.Redact(mask)
	if out := string(shown.Text()); err != nil || strings.Contains(out, "s3cret") || !strings.Contains(out, `"enbaled": "yes"`) || !strings.Contains(out, `"dmPolcy": "open"`) || !strings.Contains(out, `"enabledd": true`) {
		t.Errorf("%v: %s", err, out)
	}
	if p := c.Plugins["p"].Enabled; p == nil || *p {
		t.Errorf("%+v", c)
	}
	back, err := config.ParseDocument(shown.Text())
	must(t, err)
	must(t, back.Restore(d, mask))
	if n := strings.Count(string(back.Text()), "s3cret"); n != 5 {
		t.Errorf("%d of 5 secrets are written back: %s", n, back.Text())
	}
}
