package main

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestNotes: a note is kept and read again by requests that are to be signed; what goes wrong is told.
func TestNotes(t *testing.T) {
	kept := map[string]string{}
	host := &sdktest.Host{Credentials: map[string]string{"accessKey": "AKIA", "secretKey": "s3cret"}}
	host.HTTP = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The test's host says what is to be signed for, and does not sign.
		if !strings.HasSuffix(r.Header.Get("Authorization"), "Credential=AKIA/eu-toy-1/s3") {
			w.WriteHeader(403)
			return
		}
		if r.Method == http.MethodPut {
			body, _ := io.ReadAll(r.Body)
			kept[r.URL.Path] = string(body)
		} else if text, ok := kept[r.URL.Path]; ok {
			_, _ = io.WriteString(w, text)
		} else {
			w.WriteHeader(404)
		}
	})
	call := func(name, args string) (*wit.ToolOutput, error) {
		return bucket{}.Invoke(host.SDK(), &wit.ToolInvocation{Name: name, Args: wit.JSON(args),
			Config: wit.JSON(`{"bucket":"https://bucket.example","region":"eu-toy-1"}`)})
	}
	if out, err := call("read_note", `{"name":"tea"}`); err != nil || !out.Failed {
		t.Errorf("before there is one: %+v, %v", out, err)
	}
	if out, err := call("keep_note", `{"name":"tea","text":"no sugar"}`); err != nil || out.Failed || kept["/notes/tea.txt"] != "no sugar" {
		t.Errorf("%+v, %v, %q", out, err, kept)
	}
	if out, err := call("read_note", `{"name":"tea"}`); err != nil || out.Failed || *out.Content[0].Text != "no sugar" {
		t.Errorf("%+v, %v", out, err)
	}
	host.Credentials["accessKey"] = "another"
	if _, err := call("read_note", `{"name":"tea"}`); wit.CodeOf(err) != wit.CodeUnauthorized {
		t.Errorf("with another key: %v", err)
	}
	host.Credentials = nil
	if _, err := call("read_note", `{"name":"tea"}`); wit.CodeOf(err) != wit.CodeUnauthorized {
		t.Errorf("without keys: %v", err)
	}
}
