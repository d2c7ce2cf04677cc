package redact_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/builtin-plugins/redact"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

func TestTranscripts(t *testing.T) { sdktest.Replay(t, redact.New(), "testdata/*.jsonl") }

// send returns a text as the hook lets it through.
func send(t *testing.T, text, config string) string {
	t.Helper()
	host := &sdktest.Host{}
	decision, err := redact.New().Handle(host.SDK(), &wit.HookEvent{
		Name:   wit.HookNameMessageSending,
		Event:  wit.Marshal(&wit.MessageSending{Channel: "c", Text: text}),
		Config: wit.JSON(config),
	})
	if err != nil {
		t.Fatal(err)
	}
	if decision == nil {
		return text
	}
	if decision.Cancel || len(host.Log) != 1 {
		t.Errorf("decision %+v, log %+v", decision, host.Log)
	}
	modified, err := json.Parse(decision.Modify)
	if err != nil {
		t.Fatal(err)
	}
	return modified.Get("text").Text()
}

const (
	letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123456789"
	pem     = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----"
)

func TestSecretsAreTakenOut(t *testing.T) {
	for text, want := range map[string]string{
		"key: sk-proj-" + letters + ".":                 "key: [API key removed].",
		"OPENAI_API_KEY=sk-" + letters:                  "OPENAI_API_KEY=[API key removed]",
		"ghp_" + letters + " and xoxb-1234-" + letters:  "[API key removed] and [API key removed]",
		"AKIAIOSFODNN7EXAMPLE":                          "[API key removed]",
		"\"AIza" + letters[:35] + "\"":                  "\"[API key removed]\"",
		"eyJ" + letters + "." + letters + "." + letters: "[API key removed]",
		"Authorization: Bearer abcdefghijklmnop==":      "Authorization: Bearer [token removed]",
		"bearer " + letters:                             "bearer [token removed]",
		"123456789:" + letters[:35] + " is the bot":     "[token removed] is the bot",
		"https://x/bot123456789:" + letters[:35]:        "https://x/bot[token removed]",
		"before " + pem + " after":                      "before [private key removed] after",
		"cut -----BEGIN PRIVATE KEY-----\nMIIE":         "cut [private key removed]",
		"card 4111 1111 1111 1111, exp 10/27":           "card [card number removed], exp 10/27",
		"4111-1111-1111-1111":                           "[card number removed]",
		"5555555555554444":                              "[card number removed]",
		"378282246310005 4111111111111111":              "[card number removed] [card number removed]",
		"4111 1111 1111 1111 2026":                      "[card number removed] 2026",
		"🙂sk-" + letters + "🙂":                          "🙂[API key removed]🙂",
	} {
		if got := send(t, text, ""); got != want {
			t.Errorf("%q:\n got  %q\n want %q", text, got, want)
		}
	}
}

func TestOtherTextStays(t *testing.T) {
	for _, text := range []string{
		"", "hello", "sk-short", "task-" + letters, "the bearer of bad news", "Bearer token", "AKIAIOSFODNN7EXAMPLEX",
		"4111 1111 1111 1112", "1234567890123", "41111111111111111111", "call +49 170 1234567", "2026-11-22 18:30:00",
		"-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----", "eyJhbGciOi", "id 4111111111111111x",
		"12345678:short", strings.Repeat("é", 100), "\xff\xfe",
	} {
		if got := send(t, text, `{"patterns":["acme-*"]}`); strings.Contains(got, "removed") {
			t.Errorf("%q became %q", text, got)
		}
	}
}

func TestPatterns(t *testing.T) {
	config := `{"patterns":["acme-*-secret","K7-????-????","*@internal.example"]}`
	for text, want := range map[string]string{
		"acme-7-secret":                  "[secret removed]",
		"(acme-a-b-secret), acme-secret": "([secret removed]), acme-secret",
		"K7-12ab-34cd!":                  "[secret removed]!",
		"K7-12ab-34c":                    "K7-12ab-34c",
		"mail ada@internal.example.":     "mail [secret removed].",
	} {
		if got := send(t, text, config); got != want {
			t.Errorf("%q:\n got  %q\n want %q", text, got, want)
		}
	}
}

func TestBadConfigurationFails(t *testing.T) {
	for _, config := range []string{
		`{"patterns":["*"]}`, `{"patterns":["a*?b"]}`, `{"patterns":["two words"]}`, `{"patterns":[7]}`, `{`,
		`{"patterns":[` + strings.TrimSuffix(strings.Repeat(`"abcd",`, 51), ",") + `]}`,
	} {
		_, err := redact.New().Handle((&sdktest.Host{}).SDK(), &wit.HookEvent{
			Name: wit.HookNameMessageSending, Event: wit.JSON(`{"text":"x"}`), Config: wit.JSON(config),
		})
		if wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("%.40s: %v, want invalid", config, err)
		}
	}
}

func TestOtherHooksPass(t *testing.T) {
	decision, err := redact.New().Handle((&sdktest.Host{}).SDK(), &wit.HookEvent{Name: wit.HookNameAgentEnd})
	if decision != nil || err != nil {
		t.Errorf("got %+v, %v", decision, err)
	}
}

// Texts that are made to be slow take as long as any other of their length. The square of a million would take longer
// than a test may.
func TestTimeIsLinear(t *testing.T) {
	patterns := `{"patterns":["*a*a*a*a*b","abcd*"]}`
	for name, part := range map[string]string{
		"prefixes":   "sk-",
		"tokens":     "eyJ.",
		"pem":        "-----BEGIN PRIVATE KE",
		"pem keys":   "-----BEGIN X PRIVATE KEY----- ",
		"digits":     "4 ",
		"numbers":    "4111111111111111 ",
		"bearer":     "bearer ",
		"bots":       "12345678:",
		"words":      "a-",
		"long words": strings.Repeat("a", 5000) + " ",
	} {
		t.Log(name)
		send(t, strings.Repeat(part, 1_000_000/len(part)), patterns)
	}
}

func FuzzSend(f *testing.F) {
	f.Add("key sk-" + letters + " 4111 1111 1111 1111")
	f.Add(pem + "Bearer abcdefghijklmnopq")
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) {
			return
		}
		once := send(t, text, "")
		if !utf8.ValidString(once) {
			t.Errorf("%q became %q", text, once)
		}
		if twice := send(t, once, ""); twice != once && !strings.Contains(text, "[") {
			t.Errorf("%q became %q and then %q", text, once, twice)
		}
	})
}
