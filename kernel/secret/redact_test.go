package secret_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/secret"
)

func TestRedact(t *testing.T) {
	var r secret.Redactor
	if got := r.Redact("12345678"); got != "12345678" {
		t.Errorf("a redactor that knows nothing says %q", got)
	}
	pem := "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEF\nshort\n-----END KEY-----\n"
	odd := "pa\"ss <word>\\1&ü"
	r.Learn("a", "12345678", "1234567", "12345678-and-more", pem, odd, "")
	r.Learn("b", "8765:4321")
	inJSON, _ := json.Marshal(map[string]string{"p": odd})
	for in, want := range map[string]string{
		"":                                   "",
		"nothing here":                       "nothing here",
		"12345678":                           "[redacted]",
		"x12345678y12345678":                 "x[redacted]y[redacted]",
		"12345678-and-more":                  "[redacted]",
		"1234567":                            "1234567", // too short to be searched for
		"url /bot8765:4321/get":              "url /bot[redacted]/get",
		"?t=" + url.QueryEscape("8765:4321"): "?t=[redacted]",
		"line MIIEvQIBADANBgkqhkiG9w0BAQEF!": "line [redacted]!",
		pem:                                  "[redacted]",
		string(inJSON):                       `{"p":"[redacted]"}`,
		fmt.Sprintf("p=%q", odd):             `p="[redacted]"`,
		odd:                                  "[redacted]",
	} {
		if got := r.Redact(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
	r.Learn("b")
	if got := r.Redact("8765:4321 12345678"); got != "8765:4321 [redacted]" {
		t.Errorf("after forgetting b: %q", got)
	}
	r.Learn("a")
	if got := r.Redact("12345678"); got != "12345678" {
		t.Errorf("after forgetting all: %q", got)
	}
}

func TestVaultRedacts(t *testing.T) {
	c := config(t)
	v := open(t, c)
	put(t, v, "chat", "a", "token", "hunter2-hunter2")
	for _, v := range []*secret.Vault{v, open(t, c)} {
		if got := v.Redact("login hunter2-hunter2 ok"); got != "login [redacted] ok" {
			t.Errorf("%q", got)
		}
	}
	if err := v.Delete(ctx, "chat", "a", "token"); err != nil {
		t.Fatal(err)
	}
	// Whoever was given it may still repeat it.
	if got := v.Redact("hunter2-hunter2"); got != "[redacted]" {
		t.Errorf("after the delete: %q", got)
	}
	if got := open(t, c).Redact("hunter2-hunter2"); got != "hunter2-hunter2" {
		t.Errorf("after a restart: %q", got)
	}
}

// BenchmarkRedact is one log line of 200 bytes beside fifty secrets.
func BenchmarkRedact(b *testing.B) {
	var r secret.Redactor
	var values []string
	for i := range 50 {
		values = append(values, fmt.Sprintf("%x-%d-secret-value-%d", i*7919, i, i))
	}
	r.Learn("a", values...)
	line := strings.Repeat("2026-01-02 [INFO] channel: message ok ", 5)
	b.ReportAllocs()
	for b.Loop() {
		r.Redact(line)
	}
}
