package main

import (
	"io"
	"net/http"
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestBalance: the signature is the one that the exchange makes of the same path, form and key.
func TestBalance(t *testing.T) {
	const want = "FKjR+Lb1VIpDOmzuzX5dFZd4S1s72AxhcxUf3igu5+8cEyLPu4BEDIwvapjFGTVD/97BVy4XoKsyvhGO9TRWxA=="
	host := &sdktest.Host{Credentials: map[string]string{"keyId": "id-1", "key": "a2V5IG9mIHRoZSBvd25lcg=="}}
	host.HTTP = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.String() != "https://exchange.example/0/private/Balance" || string(body) != "nonce=1700000000000" || r.Header.Get("API-Key") != "id-1" {
			t.Errorf("%s %s, by %s", r.URL, body, r.Header.Get("API-Key"))
		}
		if got := r.Header.Get("API-Sign"); got != want {
			t.Errorf("the signature is %s", got)
			w.WriteHeader(403)
		}
		_, _ = io.WriteString(w, `{"ZEUR":"12.50"}`)
	})
	call := &wit.ToolInvocation{Name: "balance", Config: wit.JSON(`{"server":"https://exchange.example"}`), Context: wit.ToolContext{Now: 1700000000000}}
	out, err := account{}.Invoke(host.SDK(), call)
	if err != nil || out.Failed || *out.Content[0].Text != `{"ZEUR":"12.50"}` {
		t.Errorf("%+v, %v", out, err)
	}
	host.HTTP = http.NotFoundHandler()
	if out, err := (account{}).Invoke(host.SDK(), call); err != nil || !out.Failed {
		t.Errorf("a server that is another one: %+v, %v", out, err)
	}
	host.Credentials = nil
	if _, err := (account{}).Invoke(host.SDK(), call); wit.CodeOf(err) != wit.CodeUnauthorized {
		t.Errorf("without a key: %v", err)
	}
}
