package config_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/logs/logstest"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// world is settings in a file, and what they tell.
type world struct {
	*config.Settings
	path string
	mu   sync.Mutex
	news []config.Changed
	log  logstest.Buffer
}

func open(t *testing.T, path, text string) *world {
	t.Helper()
	w := &world{path: path}
	if text != "" {
		must(t, os.WriteFile(path, []byte(text), 0o640))
	}
	bus := new(event.Bus)
	config.ChangedKind.Subscribe(bus, func(c config.Changed) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.news = append(w.news, c)
	})
	var err error
	w.Settings, err = config.Open(config.Deps{Path: path, Bus: bus, Log: hclog.New(&hclog.LoggerOptions{Output: &w.log}),
		Override: func(c *config.Config) { c.Gateway.Bind = "all" }})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) broken() bool {
	_, err := w.Problem()
	return err != nil
}

func merge(patch string) config.Change {
	return func(d *config.Document) error { return d.Merge(wit.JSON(patch)) }
}

// TestTheAddressIsInForceAtOnce: webhooks are checked by it as they come.
func TestTheAddressIsInForceAtOnce(t *testing.T) {
	w := open(t, filepath.Join(t.TempDir(), "carapace.json"), `{}`)
	restart, err := w.Edit(t.Context(), "", merge(`{"gateway":{"publicUrl":"https://chat.example.org"}}`))
	if err != nil || len(restart) != 0 || w.Config().Gateway.PublicURL != "https://chat.example.org" {
		t.Errorf("%q needs a restart for %v, %v", w.Config().Gateway.PublicURL, restart, err)
	}
}

// TestAnEditChangesWhatItSays in the file, and nothing else: neither the order of what stands there, nor what this start
// says over it, nor the file's mode; and a link stays a link.
func TestAnEditChangesWhatItSays(t *testing.T) {
	real := filepath.Join(t.TempDir(), "real.json")
	path := filepath.Join(t.TempDir(), "carapace.json")
	must(t, os.Symlink(real, path))
	must(t, os.WriteFile(real, []byte(`{"log":{"level":"warn"},"agent":{"name":"Ada <3"},"plugins":{"p":{"enabled":false,"config":{"baseUrl":"http://home","model":"a"}}}}`), 0o640))
	w := open(t, path, "")
	restart, err := w.Edit(t.Context(), "", merge(`{"plugins":{"p":{"enabled":true,"config":{"model":"b"}}},"log":{"level":null},"gateway":{"port":7}}`))
	must(t, err)
	want := `{
  "log": {},
  "agent": {
    "name": "Ada <3"
  },
  "plugins": {
    "p": {
      "enabled": true,
      "config": {
        "baseUrl": "http://home",
        "model": "b"
      }
    }
  },
  "gateway": {
    "port": 7
  }
}
`
	b, err := os.ReadFile(real)
	info, _ := os.Lstat(path)
	if mode, _ := os.Stat(real); err != nil || string(b) != want || info.Mode()&os.ModeSymlink == 0 || mode.Mode().Perm() != 0o640 {
		t.Fatalf("%v %v %v\n%s", err, info.Mode(), mode.Mode(), b)
	}
	if len(restart) != 1 || restart[0] != "gateway.port" {
		t.Errorf("a restart is needed for %v", restart)
	}
	if got := string(w.PluginConfig("p")); !w.PluginEnabled("p") || got != `{"baseUrl":"http://home","model":"b"}` || w.Config().Gateway.Bind != "all" {
		t.Errorf("%s %+v", got, w.Config().Gateway)
	}
	if len(w.news) != 2 || w.news[0] != (config.Changed{}) || w.news[1] != (config.Changed{Plugin: "p"}) {
		t.Errorf("%+v", w.news)
	}
	if left, _ := os.ReadDir(filepath.Dir(real)); len(left) != 1 {
		t.Errorf("%v are left", left)
	}
}

// TestARefusedEditChangesNothing: settings that cannot be, another base, a change that fails, a file that is broken.
func TestARefusedEditChangesNothing(t *testing.T) {
	const text = `{"log":{"level":"warn"}}`
	w := open(t, filepath.Join(t.TempDir(), "carapace.json"), text)
	_, _, hash := w.Text()
	failed := errors.New("failed")
	for name, c := range map[string]struct {
		base   string
		change config.Change
		want   wit.Code
	}{
		"value":   {"", merge(`{"log":{"level":"loud"}}`), wit.CodeInvalid},
		"field":   {hash, merge(`{"lgo":{}}`), wit.CodeInvalid},
		"list":    {"", merge(`[]`), wit.CodeInvalid},
		"base":    {config.Hash([]byte("{}")), merge(`{"log":{"level":"info"}}`), wit.CodeConflict},
		"change":  {"", func(*config.Document) error { return failed }, wit.CodeInternal},
		"account": {"", merge(`{"channels":{"c":{"accounts":{"Y!":{}}}}}`), wit.CodeInvalid},
	} {
		if _, err := w.Edit(t.Context(), c.base, c.change); wit.CodeOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if b, err := os.ReadFile(w.path); err != nil || string(b) != text || len(w.news) > 0 || w.Config().Log.Level != "warn" {
		t.Errorf("%v %s %v", err, b, w.news)
	}
	must(t, os.WriteFile(w.path, []byte(`{"log"`), 0o600))
	if _, err := w.Edit(t.Context(), "", merge(`{}`)); wit.CodeOf(err) != wit.CodeInvalid || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("a broken file is written over: %v", err)
	}
	if _, err := w.Edit(t.Context(), config.Hash([]byte(`{"log"`)), func(d *config.Document) error { return d.Replace([]byte(`{"log":{}}`)) }); err != nil {
		t.Errorf("a broken file cannot be mended: %v", err)
	}
	if _, err := config.Parse([]byte(`{"gateway":{"token":"[redacted]"}}`)); err == nil {
		t.Error("the mark of a secret is taken for one")
	}
}

// TestTwoWritersKeepEachOthersChanges, whether they change through the gateway or in the file.
func TestTwoWritersKeepEachOthersChanges(t *testing.T) {
	w := open(t, filepath.Join(t.TempDir(), "carapace.json"), "")
	var writers sync.WaitGroup
	for _, name := range strings.Fields("a b c d e f g h") {
		writers.Go(func() {
			if _, err := w.Edit(context.Background(), "", merge(`{"plugins":{"`+name+`":{"enabled":false}}}`)); err != nil {
				t.Error(err)
			}
		})
	}
	writers.Wait()
	must(t, os.WriteFile(w.path, []byte(`{"agent":{"name":"Ada"}}`), 0o600)) // nobody has looked yet
	if _, err := w.Edit(t.Context(), "", merge(`{"plugins":{"i":{"enabled":false}}}`)); err != nil || w.Config().Agent.Name != "Ada" {
		t.Errorf("%v %+v", err, w.Config())
	}
	if got := len(w.Config().Plugins); got != 1 {
		t.Errorf("%d plugins, want what the file says", got)
	}
}

// TestTheFileIsWatched: what somebody writes is in force, what is broken is said once and changes nothing, and what is
// mended is in force again.
func TestTheFileIsWatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := open(t, filepath.Join(t.TempDir(), "carapace.json"), `{"log":{"level":"warn"}}`)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- w.Run(ctx) }()
		later := func() {
			time.Sleep(3 * time.Second)
			synctest.Wait()
		}
		level := func(want string, problem bool) {
			t.Helper()
			later()
			if got := w.Config().Log.Level; got != want || w.broken() != problem {
				t.Errorf("level %s, want %s; problem %v", got, want, !problem)
			}
		}
		level("warn", false)
		must(t, os.WriteFile(w.path, []byte(`{"log":{"level":"debug"}}`), 0o600))
		level("debug", false)
		must(t, os.WriteFile(w.path, []byte("{\n\"log\":{\"level\":\"loud\"}}"), 0o600))
		level("debug", true)
		later()
		if n := strings.Count(w.log.String(), "line 2, column 16: log.level"); n != 1 {
			t.Errorf("said %d times:\n%s", n, w.log.String())
		}
		must(t, os.Remove(w.path))
		level("debug", true)
		must(t, os.WriteFile(w.path, []byte(`{"log":{"level":"error"},"gateway":{"port":9}}`), 0o600))
		level("error", false)
		if !strings.Contains(w.log.String(), "gateway.port") {
			t.Errorf("nobody says that a restart is needed:\n%s", w.log.String())
		}
		stop()
		must(t, <-done)
	})
}

// TestWhatWasSetUpBeforeMovesIntoTheFile, below what stands there, once.
func TestWhatWasSetUpBeforeMovesIntoTheFile(t *testing.T) {
	db := store.OpenMemory()
	must(t, db.Update(t.Context(), func(tx store.Tx) error {
		return errors.Join(
			store.Table[config.Plugin]("settings.plugin").Put(tx, "p", config.Plugin{Enabled: new(false), Config: wit.JSON(`{"a":2,"b":3}`)}),
			store.Table[config.Account]("settings.account").Put(tx, "c/x", config.Account{Config: wit.JSON(`{"root":"set","mode":"m"}`)}),
			store.Table[config.Account]("settings.account").Put(tx, "c/y", config.Account{DMPolicy: "disabled"}),
		)
	}))
	w := open(t, filepath.Join(t.TempDir(), "carapace.json"),
		`{"plugins":{"p":{"config":{"a":1}}},"channels":{"c":{"accounts":{"x":{"dmPolicy":"open","config":{"root":"file"}}}}}}`)
	for range 2 {
		must(t, w.Move(t.Context(), db))
		x, ok := w.Account("c", "x")
		if got := string(w.PluginConfig("p")); got != `{"a":1,"b":3}` || w.PluginEnabled("p") || !w.PluginEnabled("other") ||
			!ok || x.DMPolicy != "open" || string(x.Config) != `{"root":"file","mode":"m"}` || strings.Join(w.AccountIDs("c"), " ") != "x y" {
			b, _ := os.ReadFile(w.path)
			t.Fatalf("%s", b)
		}
		_, err := w.Edit(t.Context(), "", merge(`{"plugins":{"p":{"config":{"b":3}}}}`))
		must(t, err)
	}
}

// TestSecretsAreNotShown, and written back as they are shown they stay.
func TestSecretsAreNotShown(t *testing.T) {
	const text = `{"gateway":{"token":"s3cret","port":1},"plugins":{"p":{"config":{"key":"s3cret","open":1}},"q":{"config":"s3cret"}},
		"channels":{"c":{"accounts":{"a":{"config":{"key":"s3cret","open":{"x":2}}}}}}}`
	d, err := config.ParseDocument([]byte(text))
	must(t, err)
	show := func(_, _ string, section wit.JSON) wit.JSON {
		return wit.JSON(strings.ReplaceAll(string(section), `"s3cret"`, `"[redacted]"`))
	}
	seen, err := d.Redact(show)
	if must(t, err); seen.Gateway.Token != "[redacted]" || string(seen.Plugins["p"].Config) != `{"key":"[redacted]","open":1}` {
		t.Errorf("%+v", seen)
	}
	if strings.Contains(string(d.Text()), "s3cret") || strings.Count(string(d.Text()), "[redacted]") != 4 {
		t.Errorf("%s", d.Text())
	}
	was, err := config.ParseDocument([]byte(text))
	must(t, err)
	must(t, d.Merge(wit.JSON(`{"gateway":{"port":2},"plugins":{"p":{"config":{"open":3}}}}`)))
	must(t, d.Restore(was, show))
	if c, err := d.Config(); err != nil || c.Gateway.Token != "s3cret" || c.Gateway.Port != 2 || string(c.Plugins["p"].Config) != `{"key":"s3cret","open":3}` ||
		string(c.Channels["c"].Accounts["a"].Config) != `{"key":"s3cret","open":{"x":2}}` {
		t.Errorf("%s %v", d.Text(), err)
	}
}

// mask shows a section as a plugin with a field key would: no text s3cret, and no password in a URL.
func mask(_, _ string, section wit.JSON) wit.JSON {
	return wit.JSON(strings.NewReplacer(`"s3cret-key"`, `"[redacted]"`, `u:s3cret-url@`, `u:xxxxx@`, "&", `\u0026`).Replace(string(section)))
}

// TestWhatIsWrittenBackAsItIsShownStays, whatever it is: nulls and objects too, and however the client writes JSON.
func TestWhatIsWrittenBackAsItIsShownStays(t *testing.T) {
	const text = `{"gateway":{"token":null,"password":"s3cret-key"},"plugins":{"p":{"config":
		{"deep":{"a":null,"key":"s3cret-key","list":[{"b":null}]},"url":"http://u:s3cret-url@h/?a=1&b=2","n":1.0}}}}`
	before, err := config.ParseDocument([]byte(text))
	must(t, err)
	shown := *before
	_, err = shown.Redact(mask)
	must(t, err)
	if got := string(shown.Text()); strings.Contains(got, "s3cret") || strings.Count(got, "[redacted]") != 3 || !strings.Contains(got, "u:xxxxx@h") {
		t.Fatalf("%s", got)
	}
	var now any
	must(t, json.Unmarshal(shown.Text(), &now))
	written, err := json.Marshal(now) // other blanks, other escapes, other order
	must(t, err)
	for _, back := range []string{string(shown.Text()), string(written), strings.ReplaceAll(string(written), `\u0026`, "&")} {
		d := *before
		must(t, d.Replace([]byte(back)))
		must(t, d.Restore(before, mask))
		var want, got any
		must(t, errors.Join(json.Unmarshal([]byte(text), &want), json.Unmarshal(d.Text(), &got)))
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s\nbecame %s", back, d.Text())
		}
	}
}

// TestAMarkIsNoValue: one that stands where nothing was hidden, or beside what has changed, is refused.
func TestAMarkIsNoValue(t *testing.T) {
	before, err := config.ParseDocument([]byte(`{"plugins":{"p":{"config":{"key":"s3cret-key","deep":{"key":"s3cret-key","n":1},"url":"http://u:s3cret-url@h/"}}}}`))
	must(t, err)
	for change, path := range map[string]string{
		`{"plugins":{"q":{"config":{"key":"[redacted]"}}}}`:                                  "plugins.q.config.key",
		`{"plugins":{"p":{"config":{"deep":{"key":"[redacted]","n":2}}}}}`:                   "plugins.p.config.deep.key",
		`{"plugins":{"p":{"config":{"list":["[redacted]"]}}}}`:                               "plugins.p.config.list",
		`{"plugins":{"p":{"config":{"url":"http://u:xxxxx@other/"}}}}`:                       "plugins.p.config.url",
		`{"channels":{"c":{"accounts":{"new":{"config":{"key":"[redacted]"}}}}}}`:            "channels.c.accounts.new.config.key",
		`{"gateway":{"token":"[redacted]"},"plugins":{"p":{"config":{"key":"[redacted]"}}}}`: "gateway.token",
	} {
		d := *before
		must(t, d.Merge(wit.JSON(change)))
		if err := d.Restore(before, mask); wit.CodeOf(err) != wit.CodeInvalid || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", change, err)
		}
	}
	d := *before
	must(t, d.Merge(wit.JSON(`{"plugins":{"p":{"config":{"key":"[redacted]","deep":{"key":"[redacted]"},"url":"http://u:xxxxx@h/"}}}}`)))
	must(t, d.Restore(before, mask))
	said := `{"plugins":{"p":{"config":{"key":"[redacted]"}}}}` // by somebody, in the file
	before, err = config.ParseDocument([]byte(said))
	must(t, err)
	d = *before
	must(t, d.Merge(wit.JSON(`{"log":{"level":"debug"}}`)))
	must(t, d.Restore(before, func(_, _ string, section wit.JSON) wit.JSON { return section }))
}

// TestSecretsInATextThatIsNoJSON are not shown either, where they are known.
func TestSecretsInATextThatIsNoJSON(t *testing.T) {
	d, err := config.ParseDocument([]byte(`{"gateway":{"password":"s3cret-key-and-more"},"plugins":{
		"p":{"config":{"key":"s3cret-key","url":"http://u:s3cret-url@h/"}},"gone":{"config":{"deep":[{"pin":"en"},"s3cret-deep"],"none":""}}}}`))
	must(t, err)
	got := d.RedactText(`{"enabled":"en" "s3cret-deep", "password": "s3cret-key-and-more, "key":"s3cret-key", http://u:s3cret-url@h/ ""`, func(id, account string, section wit.JSON) wit.JSON {
		if id == "gone" {
			return wit.JSON(`"[redacted]"`)
		}
		return mask(id, account, section)
	})
	if want := `{"enabled":"[redacted]" "[redacted]", "password": "[redacted], "key":"[redacted]", http://u:xxxxx@h/ ""`; got != want {
		t.Errorf("%s", got)
	}
}

// TestOpenTakesWhatWasRead: a start reads the file once, and what is written from then on counts.
func TestOpenTakesWhatWasRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "carapace.json")
	must(t, os.WriteFile(path, []byte(`{"log": {"level": "debug"}}`), 0o600))
	c, text, _, err := config.Load(path, true)
	must(t, err)
	must(t, os.WriteFile(path, []byte(`{"log": {"level": "warn"}}`), 0o600))
	s, err := config.Open(config.Deps{Path: path, Text: text, Bus: new(event.Bus), Log: hclog.NewNullLogger()})
	if must(t, err); s.Config().Log.Level != c.Log.Level {
		t.Errorf("the start has %q and the log %q", s.Config().Log.Level, c.Log.Level)
	}
}
