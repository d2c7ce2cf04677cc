package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/wit"
)

func TestParseRefusesWhatCannotBe(t *testing.T) {
	for name, c := range map[string]struct{ text, says string }{
		"syntax":         {"{\n  \"gateway\": {,}\n}", "line 2"},
		"unknown field":  {`{"gatway": {}}`, "gatway"},
		"wrong type":     {`{"gateway": {"port": "x"}}`, "gateway.port"},
		"port":           {`{"gateway": {"port": 70000}}`, "70000"},
		"bind":           {`{"gateway": {"bind": "everywhere"}}`, "everywhere"},
		"two proofs":     {`{"gateway": {"token": "a", "password": "b"}}`, "give one of them"},
		"origin":         {`{"gateway": {"allowedOrigins": ["x"]}}`, "allowedOrigins"},
		"public address": {`{"gateway": {"publicUrl": "chat.example.org"}}`, "publicUrl"},
		"a query in it":  {`{"gateway": {"publicUrl": "https://chat.example.org/?a=b"}}`, "publicUrl"},
		"host":           {`{"gateway": {"hosts": ["chat.example.org", "https://chat.example.org"]}}`, "gateway.hosts"},
		"host and port":  {`{"gateway": {"hosts": ["chat.example.org:443"]}}`, "host name"},
		"scope":          {`{"session": {"dmScope": "x"}}`, "per-peer"},
		"model":          {`{"agent": {"model": "gpt"}}`, "provider/model"},
		"zone":           {`{"timeZone": "Mars/Olympus"}`, "IANA"},
		"account":        {`{"channels": {"c": {"accounts": {"A B": {}}}}}`, "channels.c.accounts.A B"},
		"policy":         {`{"channels": {"c": {"accounts": {"a": {"dmPolicy": "any"}}}}}`, "pairing, allowlist, open, disabled"},
		"memory":         {`{"runtime": {"memory": "lots"}}`, "runtime.memory: \"lots\" is not an amount of memory such as 512M"},
		"fraction":       {`{"runtime": {"memory": "1.5G"}}`, "is not an amount of memory"},
		"overflow":       {`{"runtime": {"memory": "9000000000G"}}`, "is not an amount of memory"},
		"little memory":  {`{"runtime": {"memory": "1024"}}`, "less than 64M"},
		"trailing":       {`{} {}`, "after the end"},
		"approve":        {`{"agent": {"approve": ["sends", "reads"]}}`, "agent.approve"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := config.Parse([]byte(c.text))
			if wit.CodeOf(err) != wit.CodeInvalid || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("Parse(%s) = %v, want invalid saying %q", c.text, err, c.says)
			}
		})
	}
}

// TestAnErrorNamesThePlace, what is wrong there, and what is allowed.
func TestAnErrorNamesThePlace(t *testing.T) {
	for text, says := range map[string]string{
		"[]":    "line 1, column 1: the settings as a whole must be an object, not a list",
		"\n  7": "line 2, column 3: the settings as a whole must be an object, not a number",
		"{\n  \"gateway\": {\n    \"prot\": 1\n  }\n}": `line 3, column 5: gateway has no field "prot": there are port, bind, `,
		"{\n\"gateway\": {\"port\": \"x\"}}":           "line 2, column 21: gateway.port must be a whole number, not a text",
		"{\"gateway\": {\"port\": 1.5}}":               "line 1, column 22: gateway.port must be a whole number, not a number",
		"{\"gateway\": {\n  \"port\": 70000}}":         "line 2, column 11: gateway.port: 70000 is not a port",
		"{\n  \"owners\": [\"@ann\"]\n}":               "line 2, column 13: owners: \"@ann\" is not a person",
		"{\"log\": {\"level\": \"loud\"}}":             "line 1, column 19: log.level: \"loud\" must be one of trace, debug",
		"{\n  \"gateway\": {,}\n}":                     "line 2, column 15: not valid JSON",
		"{\"gateway\": {\"port\": 1}":                  "line 1, column 24: not valid JSON: the end of the file comes too soon",
		"{\"log\": {},\n \"log\": {}}":                 "line 2, column 2: \"log\" stands here for the second time",
		"{\"agent\": {\"Name\": \"Ada\"}}":             `agent has no field "Name": there are name, model`,
		"{\"ü\": {}, \"x\": 1}":                        "line 1, column 2:",
		"{\n\"channels\": {\"telegram\": {\"accounts\": {\"default\": {\n  \"botToken\": \"1:x\"}}}}}": "line 3, column 3: channels.telegram.accounts.default has no field " +
			"\"botToken\": there are enabled, dmPolicy, allowFrom, groupPolicy, groups, requireMention, model, streaming, config; what the plugin itself knows stands in its config, and a token or " +
			"another credential is given by `carapace setup telegram` and never stands in this file",
		strings.Repeat("[", 100):               "more than 64 levels",
		`{"plugins":{"p":{"config":` + "\n}}}": "line 2, column 1: not valid JSON",
		"{\"log\": x":                          "line 1, column 9: not valid JSON: a value (a text stands in quotation marks) is expected here, not 'x'",
		`{} {}`:                                "line 1, column 4: text after the end",
	} {
		if _, err := config.Parse([]byte(text)); wit.CodeOf(err) != wit.CodeInvalid || !strings.Contains(err.Error(), says) {
			t.Errorf("%s\n gives %v\n want  %s", text, err, says)
		}
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
	if c, _, _, err := config.Load(path, false); err != nil || c.Gateway.Port != 0 {
		t.Fatalf("a missing file: %+v, %v", c, err)
	}
	if _, _, _, err := config.Load(path, true); wit.CodeOf(err) != wit.CodeNotFound {
		t.Fatalf("a missing file that was named: %v", err)
	}
	if err := os.WriteFile(path, []byte(`{"gateway":{"port":1234,"token":"s3cret"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	c, _, _, err := config.Load(path, true)
	if err != nil || c.Gateway.Port != 1234 {
		t.Fatalf("Load: %+v, %v", c, err)
	}
	if _, _, _, err := config.Load(filepath.Dir(path), true); wit.CodeOf(err) != wit.CodeInvalid {
		t.Fatalf("a directory: %v", err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestMemoryIsReadInItsUnits(t *testing.T) {
	for text, want := range map[string]int64{"": 0, "64M": 64 << 20, "512m": 512 << 20, "512MB": 512 << 20, "512MiB": 512 << 20, "2G": 2 << 30,
		"100000k": 100_000 << 10, "134217728": 128 << 20} {
		if got, err := (config.Runtime{Memory: text}).MemoryBytes(); got != want || err != nil {
			t.Errorf("%q is %d bytes (%v), want %d", text, got, err, want)
		}
	}
}
