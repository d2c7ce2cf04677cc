package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/config"
)

// goWords are what only who writes Go can read: packages, types, verbs and the words of the standard library.
var goWords = regexp.MustCompile(`\b(json|strconv|time|url|hclog|wit|main): |` +
	`\b(strconv|json|config|wit|system|session|cron|plugin|inbox|rpc|time|reflect|errors)\.[A-Z]\w+|` +
	`map\[|\[\]\w|\bint(8|16|32|64)?\b|\buint|float(32|64)|\bbool\b|\bstruct\b|\bslice\b|interface \{|<nil>|\bnil\b|%!|&\{|` +
	`unmarshal|cannot parse|parse "|invalid character|looking for beginning|unexpected EOF|invalid syntax|value out of range|` +
	`missing unit in duration|invalid duration|unknown time zone|goroutine|runtime error|accepts \d+ arg|not a array|invalid argument "`)

// readable fails when a message has words of Go's.
func readable(t *testing.T, about, message string) {
	t.Helper()
	if found := goWords.FindString(message); found != "" {
		t.Errorf("%s says %q in: %s", about, found, message)
	}
}

// wrongValues are of every kind, and broken in every way.
var wrongValues = []string{`null`, `true`, `-1`, `1.5`, `1e999`, `99999999999999999999`, `""`, `"x y"`, `"\u0000"`, `"http://%zz"`, `"a:b:c"`, `"10.0.0.0/99"`,
	`[]`, `[1]`, `["x", null]`, `[{}]`, `{}`, `{"x": 1}`, `{"": {}}`, `{"default": 1}`, `{"default": {"enabled": "yes"}}`, `{"default": {"accounts": []}}`,
	`tru`, `'x'`, `{x: 1}`, `{"x" 1}`, `{"x": 1,}`, `[1,]`, `[1 2]`, `"open`, `"\q"`, `"\u12"`, "\"a\nb\"", `01`, `-`, `1.`, `+1`, `NaN`, `{"x": 1} 2`, `//`, ``}

// TestSettingsAreRefusedInPlainWords, whatever stands wherever.
func TestSettingsAreRefusedInPlainWords(t *testing.T) {
	t.Parallel()
	places := []string{`%s`, `{"gateway": %s}`, `{"gateway": {"port": %s}}`, `{"gateway": {"bind": %s}}`, `{"gateway": {"token": %s}}`, `{"gateway": {"allowedOrigins": %s}}`,
		`{"gateway": {"hosts": %s}}`, `{"gateway": {"trustedProxies": %s}}`, `{"gateway": {"silentPairing": %s}}`, `{"agent": %s}`, `{"agent": {"model": %s}}`,
		`{"owners": %s}`, `{"plugins": %s}`, `{"plugins": {"x": %s}}`, `{"plugins": {"x": {"config": %s}}}`, `{"plugins": {"x": {"enabled": %s}}}`,
		`{"channels": %s}`, `{"channels": {"x": %s}}`, `{"channels": {"x": {"accounts": %s}}}`, `{"channels": {"x": {"accounts": {"y": {"dmPolicy": %s}}}}}`,
		`{"channels": {"x": {"accounts": {"y": {"groups": %s}}}}}`, `{"delivery": %s}`, `{"delivery": {"afterCrash": %s}}`, `{"session": {"dmScope": %s}}`,
		`{"timeZone": %s}`, `{"log": %s}`, `{"log": {"level": %s}}`, `{"secrets": {"keyring": %s}}`, `{"unheard": %s}`, `{"gateway": {"Port": %s}}`, `{%s: 1}`}
	refused := 0
	for _, place := range places {
		for _, value := range wrongValues {
			text := fmt.Sprintf(place, value)
			if _, err := config.Parse([]byte(text)); err != nil {
				refused++
				readable(t, text, err.Error())
			}
		}
	}
	if refused < 500 {
		t.Errorf("only %d of the settings are refused", refused)
	}
}

// TestCommandsFailInPlainWords: wrong flags, arguments, settings and parameters, with a gateway and without one.
func TestCommandsFailInPlainWords(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	serve(t, state)
	bad := filepath.Join(t.TempDir(), "bad.config")
	if err := os.WriteFile(bad, []byte(`{"gateway": {"port": "x"`), 0o600); err != nil {
		t.Fatal(err)
	}
	lines := [][]string{
		{"serve", "--port", "x"}, {"serve", "--port", "99999999999999999999"}, {"serve", "--port", "70000"}, {"serve", "--bind", "x y"}, {"serve", "--config", bad},
		{"serve", "--log-format", "xml"}, {"serve", "--log-level", "loud"}, {"serve", "--colour"}, {"serve", "-x"}, {"serve", "--port"},
		{"chat", "--timeout", "soon", "--message", "x"}, {"chat", "--timeout", "5", "--message", "x"}, {"status", "--json=perhaps"}, {"status", "--url", "http://%zz"},
		{"status", "--url", "nowhere"}, {"status", "--url", "ftp://x"}, {"logs", "--follow=7"}, {"logs", "--lines", "many"},
		{"config", "set", "gateway.port", "x"}, {"config", "set", "gateway.port", "{"}, {"config", "set", "owners", "7"}, {"config", "set", "log", "loud"},
		{"config", "set", "plugins.openai.config.baseUrl", "7"}, {"config", "set", "plugins.openai.config.timeout", `"x"`}, {"config", "set", "plugins.openai.config", "[]"},
		{"config", "set", "channels.telegram.accounts", "[]"}, {"config", "set", "timeZone", "Nowhere/Else"}, {"config", "set", "a..b", "1"}, {"config", "unset", "x.y"}, {"config", "get", "x"},
		{"setup", "openai", "--set", "baseUrl=http://%zz"}, {"setup", "openai", "--set", "baseUrl=my server"}, {"setup", "openai", "--set", "timeout=soon"}, {"setup", "openai", "--set", "x"},
		{"setup", "openai", "--set", "colour=1"}, {"setup", "openai", "--secret", "api_key"}, {"setup", "openai", "--secret", "api_key=env:NO_SUCH"}, {"setup", "openai", "--secret", "colour=env:HOME"},
		{"setup", "openai", "--set", "baseUrl=http://127.0.0.1:1/v1"}, {"setup", "telegram", "--dm", "perhaps"}, {"setup", "telegram", "--account", "x y"}, {"setup", "nothing"},
		{"cron", "add", "x", "--at", "soon"}, {"cron", "add", "x", "--every", "soon"}, {"cron", "add", "x", "--cron", "* * *"}, {"cron", "add", "x", "--every", "5"}, {"cron", "remove", "x"}, {"cron", "run"},
		{"pairing", "approve", "telegram", "x"}, {"pairing", "revoke", "nothing", "1"}, {"pairing", "owner", "x y", "z"}, {"devices", "approve", "x"}, {"devices", "revoke", "x"},
		{"credentials", "revoke", "x", "--yes"}, {"credentials", "revoke", "x y/z", "--yes"}, {"delivery", "release", "x"}, {"sessions", "show", "x:y"}, {"sessions", "delete", "nothing", "--yes"}, {"sessions", "rename", "main"},
		{"plugins", "call", "calc", "calc", "{"}, {"plugins", "call", "calc", "calc", "7"}, {"plugins", "call", "calc", "calc", `{"expression": 7}`}, {"plugins", "call", "calc", "nothing", "{}"}, {"plugins", "grant", "calc"},
		{"call", "nothing"}, {"call", "health", "--params", "{"}, {"call", "health", "--params", "[]"}, {"call", "sessions.list", "--params", `{"limit": "x"}`}, {"call", "sessions.list", "--params", `{"limit": 1e99}`},
		{"call", "sessions.list", "--params", `{"x": 1}`}, {"call", "config.patch", "--params", `{"raw": 7}`}, {"call", "config.patch", "--params", `{"raw": "{"}`}, {"call", "plugins.configure", "--params", `{"id": "openai", "secrets": []}`},
		{"call", "plugins.configure", "--params", `{"id": "openai", "enabled": "x"}`}, {"call", "cron.add", "--params", `{"name": 7, "schedule": "x"}`}, {"call", "cron.add", "--params", `{"name": "x", "schedule": {"kind": "every", "everyMs": "x"}}`},
	}
	for _, args := range lines {
		r := carapace(t, state, args...)
		if r.code == 0 && args[0] != "config" && args[0] != "sessions" {
			t.Errorf("carapace %q is taken: %s", args, r.out)
		}
		readable(t, strings.Join(args, " "), r.err)
	}
}
