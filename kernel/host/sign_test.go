package host_test

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/host"
	"github.com/carapace-gateway/carapace/wit"
)

// TestSign: a plugin gets a signature by a key that it may use and never sees, also while a pure function runs where the
// signature is the same each time.
func TestSign(t *testing.T) {
	w := newWorld()
	w.vault["p/acc/tok"], w.vault["p//tok"], w.vault["p//secret"] = "Jefe", "of the plugin", "hidden"
	g := w.guest("p", everything())
	const text = `"text":"what do ya want for nothing?"`
	big := strings.Repeat("x", 1<<20)
	for name, tt := range map[string]struct {
		guest *host.Guest
		call  host.Call
		in    string
		out   string // in hex
		want  wit.Code
	}{
		// RFC 4231, case 2
		"the account's":         {g, host.Call{Export: "channel_send", Account: "acc"}, `{"key":"tok",` + text + `}`, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", ""},
		"in a pure function":    {g, host.Call{Export: "channel_event", Account: "acc"}, `{"key":"tok","algorithm":"hmac_sha256","bytes":"d2hhdCBkbyB5YSB3YW50IGZvciBub3RoaW5nPw=="}`, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", ""},
		"an account's by name":  {g, host.Call{Export: "tool_invoke"}, `{"key":"tok","account":"acc",` + text + `}`, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", ""},
		"the plugin's":          {g, host.Call{Export: "tool_invoke"}, `{"key":"tok","text":""}`, "", ""},
		"random in a pure one":  {g, host.Call{Export: "channel_event"}, `{"key":"tok","algorithm":"rsa_pss_sha256",` + text + `}`, "", wit.CodeForbidden},
		"a key that is none":    {g, host.Call{Export: "tool_invoke"}, `{"key":"tok","algorithm":"es256",` + text + `}`, "", wit.CodeInvalid},
		"not granted":           {g, host.Call{Export: "tool_invoke"}, `{"key":"secret",` + text + `}`, "", wit.CodeForbidden},
		"not set":               {w.guest("q", everything()), host.Call{Export: "tool_invoke"}, `{"key":"tok",` + text + `}`, "", wit.CodeUnauthorized},
		"without permission":    {w.guest("p", wit.Permissions{}), host.Call{}, `{"key":"tok",` + text + `}`, "", wit.CodeForbidden},
		"nothing to sign":       {g, host.Call{}, `{"key":"tok"}`, "", wit.CodeInvalid},
		"both":                  {g, host.Call{}, `{"key":"tok","bytes":"AA==",` + text + `}`, "", wit.CodeInvalid},
		"an unknown algorithm":  {g, host.Call{}, `{"key":"tok","algorithm":"rot13",` + text + `}`, "", wit.CodeInvalid},
		"much":                  {g, host.Call{}, `{"key":"tok","text":"` + big + `"}`, "", ""},
		"too much":              {g, host.Call{}, `{"key":"tok","text":"` + big + `x"}`, "", wit.CodeTooLarge},
		"a name that is no one": {g, host.Call{}, `{"key":"a b",` + text + `}`, "", wit.CodeInvalid},
	} {
		out, err := ask(tt.guest, tt.call, "credential_sign", tt.in)
		if wit.CodeOf(err) != tt.want {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
		var s wit.Signature
		if err == nil && (wit.Unmarshal([]byte(out), &s) != nil || len(s.Bytes) != 32 || tt.out != "" && hex.EncodeToString(s.Bytes) != tt.out) {
			t.Errorf("%s: %s", name, out)
		}
		if err != nil && (strings.Contains(err.Error(), "Jefe") || strings.Contains(err.Error(), "of the plugin")) {
			t.Errorf("%s: the key is in the error: %v", name, err)
		}
	}
	first, err := ask(g, host.Call{Export: "channel_event", Account: "acc"}, "credential_scram", `{"password":"tok","user":"ann"}`)
	if err != nil || !strings.Contains(first, "n,,n=ann,r=") {
		t.Errorf("a login by SCRAM begins with %s, %v", first, err)
	}
	if _, err := ask(g, host.Call{}, "credential_scram", `{"password":"secret"}`); wit.CodeOf(err) != wit.CodeForbidden {
		t.Errorf("a login with a password that is not granted: %v", err)
	}
	if _, err := ask(g, host.Call{}, "credential_scram", `{"password":"tok","account":"acc","first":"n,,n=,r=0123456789abcdef","challenge":"r=0123456789abcdefx,s=AA==,i=1"}`); wit.CodeOf(err) != wit.CodeInvalid || strings.Contains(err.Error(), "Jefe") {
		t.Errorf("a login that a server makes cheap: %v", err)
	}
	var limited error
	for range wit.LimitCredentialSignatureBurst + 1 {
		if _, err := ask(g, host.Call{}, "credential_sign", `{"key":"tok","bytes":"`+base64.StdEncoding.EncodeToString([]byte("x"))+`"}`); err != nil {
			limited = err
		}
	}
	if wit.CodeOf(limited) != wit.CodeRateLimited {
		t.Errorf("without end: %v", limited)
	}
}
