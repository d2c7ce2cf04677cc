package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

func TestLink(t *testing.T) {
	host := &sdktest.Host{Credentials: map[string]string{"key": "k3y"}}
	call := &wit.ToolInvocation{Name: "signed_link", Args: wit.JSON(`{"path":"/a b.pdf"}`), Config: wit.JSON(`{"server":"https://files.example.org"}`),
		Context: wit.ToolContext{Now: 1700000000_000}}
	out, err := links{}.Invoke(host.SDK(), call)
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, []byte("k3y"))
	mac.Write([]byte("/a%20b.pdf\n1700003600"))
	want := "https://files.example.org/a%20b.pdf?end=1700003600&signature=" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	if got := *out.Content[0].Text; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	host.Credentials = nil
	if _, err := (links{}).Invoke(host.SDK(), call); wit.CodeOf(err) != wit.CodeUnauthorized {
		t.Errorf("without a key: %v", err)
	}
}
