package main

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

func TestGreeting(t *testing.T) {
	host := &sdktest.Host{Credentials: map[string]string{"app": "t0ken"}, HTTP: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer t0ken" || r.URL.Path != "/hello" {
			w.WriteHeader(401)
		}
		fmt.Fprint(w, "good morning")
	})}
	call := &wit.ToolInvocation{Name: "greeting", Config: wit.JSON(`{"url":"https://server.example","as":"app"}`)}
	out, err := greeter{}.Invoke(host.SDK(), call)
	if err != nil || out.Failed || *out.Content[0].Text != "good morning" {
		t.Errorf("%+v, %v", out, err)
	}
	host.Credentials["app"] = "another"
	if out, err := (greeter{}).Invoke(host.SDK(), call); err != nil || !out.Failed {
		t.Errorf("%+v, %v", out, err)
	}
	host.Credentials = nil
	if _, err := (greeter{}).Invoke(host.SDK(), call); wit.CodeOf(err) != wit.CodeUnauthorized {
		t.Error(err)
	}
}
