package egress_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/wit"
)

// TestBasicLogin: the server gets the name and the password, and the guest gets neither back.
func TestBasicLogin(t *testing.T) {
	creds := egress.Credentials(func(name string) (string, error) {
		if name == "key" {
			return "s3cret:and öther", nil
		}
		return "", wit.NewError(wit.CodeUnauthorized, "not set")
	})
	var user, password string
	r := newRig(t, func(w http.ResponseWriter, q *http.Request) {
		user, password, _ = q.BasicAuth()
		_, _ = io.WriteString(w, "you said "+q.Header.Get("Authorization"))
	})
	do := func(user, password string, headers ...wit.Header) (*wit.HTTPResponse, error) {
		return r.client.Do(t.Context(), anyHost, creds, &wit.HTTPRequest{URL: "https://api.example.com/", Headers: headers, Basic: &wit.BasicLogin{User: user, Password: password}})
	}
	res, err := do("bot@example.com", "key")
	if err != nil || user != "bot@example.com" || password != "s3cret:and öther" {
		t.Fatalf("%q logs in with %q, %v", user, password, err)
	}
	if strings.Contains(*res.Text, "Basic Ym90") || !strings.Contains(*res.Text, "[redacted]") {
		t.Errorf("the login comes back: %s", *res.Text)
	}
	for name, tt := range map[string]struct {
		user, password string
		headers        []wit.Header
		code           wit.Code
	}{
		"not set":       {"bot", "other", nil, wit.CodeUnauthorized},
		"a colon":       {"bot:s3cret", "key", nil, wit.CodeInvalid},
		"a line":        {"bot\r\nX-A: 1", "key", nil, wit.CodeInvalid},
		"two logins":    {"bot", "key", []wit.Header{{Name: "authorization", Value: "Bearer x"}}, wit.CodeInvalid},
		"a huge header": {strings.Repeat("b", 1<<20), "key", nil, wit.CodeTooLarge},
	} {
		if _, err := do(tt.user, tt.password, tt.headers...); wit.CodeOf(err) != tt.code {
			t.Errorf("%s: %v, want %s", name, err, tt.code)
		}
	}
}
