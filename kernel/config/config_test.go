package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

func TestParseRefusesWhatCannotBe(t *testing.T) {
	for name, c := range map[string]struct{ text, says string }{
		"syntax":        {"{\n  \"gateway\": {,}\n}", "line 2"},
		"unknown field": {`{"gatway": {}}`, "gatway"},
		"wrong type":    {`{"gateway": {"port": "x"}}`, "gateway.port"},
		"port":          {`{"gateway": {"port": 70000}}`, "70000"},
		"bind":          {`{"gateway": {"bind": "everywhere"}}`, "everywhere"},
		"two proofs":    {`{"gateway": {"token": "a", "password": "b"}}`, "give one of them"},
		"origin":        {`{"gateway": {"allowedOrigins": ["x"]}}`, "allowedOrigins"},
		"host":          {`{"gateway": {"hosts": ["chat.example.org", "https://chat.example.org"]}}`, "gateway.hosts"},
		"host and port": {`{"gateway": {"hosts": ["chat.example.org:443"]}}`, "host name"},
		"scope":         {`{"session": {"dmScope": "x"}}`, "per-peer"},
		"model":         {`{"agent": {"model": "gpt"}}`, "provider/model"},
		"zone":          {`{"timeZone": "Mars/Olympus"}`, "IANA"},
		"account":       {`{"channels": {"c": {"accounts": {"A B": {}}}}}`, "channels.c.accounts.A B"},
		"policy":        {`{"channels": {"c": {"accounts": {"a": {"dmPolicy": "any"}}}}}`, "pairing, allowlist, open, disabled"},
		"trailing":      {`{} {}`, "after the end"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := config.Parse([]byte(c.text))
			if wit.CodeOf(err) != wit.CodeInvalid || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("Parse(%s) = %v, want invalid saying %q", c.text, err, c.says)
			}
		})
	}
}

func TestParseHosts(t *testing.T) {
	c, err := config.Parse([]byte(`{"gateway": {"hosts": ["chat.example.org", "Box"]}}`))
	if err != nil || len(c.Gateway.Hosts) != 2 {
		t.Fatalf("Parse: %+v, %v", c, err)
	}
}

func TestLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "carapace.json")
	if c, err := config.Load(path, false); err != nil || c.Gateway.Port != 0 {
		t.Fatalf("a missing file: %+v, %v", c, err)
	}
	if _, err := config.Load(path, true); wit.CodeOf(err) != wit.CodeNotFound {
		t.Fatalf("a missing file that was named: %v", err)
	}
	if err := os.WriteFile(path, []byte(`{"gateway":{"port":1234,"token":"s3cret"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(path, true)
	if err != nil || c.Gateway.Port != 1234 {
		t.Fatalf("Load: %+v, %v", c, err)
	}
	if shown := c.Redacted(func(_, _ string, s wit.JSON) wit.JSON { return s }); shown.Gateway.Token == "s3cret" || c.Gateway.Token != "s3cret" {
		t.Fatalf("Redacted shows the token, or changed the original: %+v %+v", shown.Gateway, c.Gateway)
	}
	if _, err := config.Load(filepath.Dir(path), true); wit.CodeOf(err) != wit.CodeInvalid {
		t.Fatalf("a directory: %v", err)
	}
}

func TestSettingsLayTheFileOverWhatWasSetUp(t *testing.T) {
	file, err := config.Parse([]byte(`{
		"plugins": {"p": {"config": {"a": 1}}},
		"channels": {"c": {"accounts": {"x": {"dmPolicy": "open", "config": {"root": "file"}}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	db, bus := store.OpenMemory(), new(event.Bus)
	var changes []config.Changed
	config.ChangedKind.Subscribe(bus, func(c config.Changed) { changes = append(changes, c) })
	s, err := config.NewSettings(t.Context(), file, db, bus)
	if err != nil {
		t.Fatal(err)
	}
	must(t, s.SetPlugin(t.Context(), "p", config.Plugin{Enabled: new(false), Config: wit.JSON(`{"a":2,"b":3}`)}))
	must(t, s.SetAccount(t.Context(), "c", "x", config.Account{Config: wit.JSON(`{"root":"set","mode":"m"}`)}))
	must(t, s.SetAccount(t.Context(), "c", "y", config.Account{DMPolicy: "disabled"}))
	if err := s.SetAccount(t.Context(), "c", "Y!", config.Account{}); wit.CodeOf(err) != wit.CodeInvalid {
		t.Fatalf("an account named Y!: %v", err)
	}

	for range 2 { // the second time read from the store, as after a restart
		if got := string(s.PluginConfig("p")); got != `{"a":1,"b":3}` || s.PluginEnabled("p") || !s.PluginEnabled("other") {
			t.Fatalf("plugin p: %s, enabled %v", got, s.PluginEnabled("p"))
		}
		x, ok := s.Account("c", "x")
		if !ok || x.DMPolicy != "open" || string(x.Config) != `{"mode":"m","root":"file"}` {
			t.Fatalf("account x: %+v %s", x, x.Config)
		}
		if ids := strings.Join(s.AccountIDs("c"), " "); ids != "x y" {
			t.Fatalf("accounts: %s", ids)
		}
		if s, err = config.NewSettings(t.Context(), file, db, bus); err != nil {
			t.Fatal(err)
		}
	}
	must(t, s.RemoveAccount(t.Context(), "c", "y"))
	if _, ok := s.Account("c", "y"); ok || len(changes) != 4 {
		t.Fatalf("account y is still there, or changes were not told: %v", changes)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
