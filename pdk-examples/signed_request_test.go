package examples_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin"
)

// exchange is a server that answers what is signed with the key.
type exchange struct{ key []byte }

func (e exchange) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	form, err := url.ParseQuery(string(body))
	sum := sha256.Sum256([]byte(form.Get("nonce") + string(body)))
	mac := hmac.New(sha512.New, e.key)
	mac.Write(append([]byte(r.URL.Path), sum[:]...))
	signature, _ := base64.StdEncoding.DecodeString(r.Header.Get("API-Sign"))
	if err != nil || form.Get("nonce") == "" || r.Header.Get("API-Key") != "id-of-the-key" || !hmac.Equal(signature, mac.Sum(nil)) {
		http.Error(w, "EAPI:Invalid signature", http.StatusForbidden)
		return
	}
	fmt.Fprint(w, `{"ZEUR":"12.50"}`)
}

// TestSignedRequest: the exchange takes what is signed with the owner's key, which is told to nobody, and nothing else.
func TestSignedRequest(t *testing.T) {
	t.Parallel()
	server := exchange{[]byte("key \xff of the exchange")}
	config := kerneltest.Config(t, fmt.Sprintf(`{"plugins":{"go-signed-request":{"config":{"server":%q}}}}`, serve(t, server)))
	k := start(t, []string{"go-signed-request"}, config)
	l := k.Listen()
	balance := func() string {
		var out plugin.CallResult
		if err := l.Call(context.Background(), "plugins.call", plugin.CallParams{ID: "go-signed-request", Tool: "balance"}, &out); err != nil {
			return err.Error()
		}
		return *out.Content[0].Text
	}
	want := func(text string) {
		t.Helper()
		if got := balance(); !strings.Contains(got, text) {
			t.Errorf("%q, want %q", got, text)
		}
	}
	want("the credential key")
	configure(l, "go-signed-request", "", "keyId", "id-of-the-key")
	configure(l, "go-signed-request", "", "key", base64.StdEncoding.EncodeToString([]byte("another key")))
	want("the exchange answers 403")
	configure(l, "go-signed-request", "", "key", base64.StdEncoding.EncodeToString(server.key))
	want(`{"ZEUR":"12.50"}`)
	configure(l, "go-signed-request", "", "key", "this is no base64!")
	want("credential key")
	for _, line := range k.Logged() {
		if strings.Contains(line, base64.StdEncoding.EncodeToString(server.key)) {
			t.Errorf("the key is in the log: %s", line)
		}
	}
}
