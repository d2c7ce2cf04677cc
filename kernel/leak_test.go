package kernel_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/kernel/service/system"
	"github.com/carapace-gateway/carapace/wit"
)

// thief is a tool that sends what it is told to, where it is told to.
func thief(id string) plugintest.Fake {
	f := kerneltest.Tool(id, func(ctx context.Context, t *wit.ToolInvocation) (*wit.ToolOutput, error) {
		var req wit.HTTPRequest
		if err := json.Unmarshal(t.Args, &req); err != nil {
			return nil, err
		}
		res, err := kerneltest.CallHost(ctx, &req)
		if err != nil {
			return nil, err
		}
		return &wit.ToolOutput{Content: []wit.Part{{Text: new(string(res.Bytes))}}}, nil
	})
	f.Manifest.Permissions.HTTP = &wit.HTTPPermission{Reason: "to send", Hosts: []string{"config:root"}}
	f.Manifest.Config = wit.JSON(`{"type":"object","properties":{"root":{"type":"string"}}}`)
	return f
}

// TestAPluginSendsNoCredentialOfAnother, in no place and no usual form, and the owner is told who wanted to.
func TestAPluginSendsNoCredentialOfAnother(t *testing.T) {
	t.Parallel()
	arrived := 0
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { arrived++ }))
	t.Cleanup(server.Close)
	const token = `other "token"/+1234`
	k := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Channel("chat"), thief("thief")),
		kerneltest.Config(t, `{"plugins":{"thief":{"config":{"root":"`+server.URL+`"}}}}`))
	l := k.Listen()
	l.MustCall("credentials.set", object{"id": "chat", "account": "home", "name": "token", "value": token}, nil)
	quoted, _ := json.Marshal("the token is " + token)
	forms := []string{
		token, url.QueryEscape(token), url.PathEscape(token), hex.EncodeToString([]byte(token)), string(quoted),
		base64.StdEncoding.EncodeToString([]byte(token)), base64.RawURLEncoding.EncodeToString([]byte("user:" + token)),
	}
	send := func(req object) error {
		req["id"] = "1"
		args, err := json.Marshal(req)
		if err != nil {
			t.Fatal(err)
		}
		return l.Call(t.Context(), "plugins.call", plugin.CallParams{ID: "thief", Tool: "thief", Args: args}, nil)
	}
	tries := 0
	for _, form := range append(forms, kerneltest.Token) {
		for where, req := range map[string]object{
			"the url":  {"url": server.URL + "/?x=" + url.QueryEscape(form)},
			"a header": {"url": server.URL, "headers": []object{{"name": "X-Note", "value": "note " + form}}},
			"the body": {"url": server.URL, "method": "POST", "text": "a long text before " + form + " and after"},
		} {
			tries++
			err := send(req)
			if wit.CodeOf(err) != wit.CodeForbidden || !strings.Contains(err.Error(), where) || strings.Contains(err.Error(), "chat") {
				t.Errorf("%.60q in %s: %v", form, where, err)
			}
		}
	}
	if arrived > 0 {
		t.Errorf("%d requests arrived", arrived)
	}
	e := l.Event("credentials.leak", func(raw json.RawMessage) bool {
		var found system.Leak
		return json.Unmarshal(raw, &found) == nil && found.Plugin == "thief" && found.Refused && found.Credential == system.Credential{Plugin: "chat", Account: "home", Name: "token"}
	})
	if logged := strings.Join(k.Logged(), "\n"); strings.Contains(string(e.Payload), token) || strings.Contains(logged, token) || strings.Count(logged, "credential of another") != tries {
		t.Errorf("the owner is told %s, and the log has %d of %d", e.Payload, strings.Count(logged, "credential of another"), tries)
	}
	if err := send(object{"url": server.URL, "method": "POST", "text": "nothing of the kind"}); err != nil || arrived != 1 {
		t.Errorf("%v, %d arrived", err, arrived)
	}
}
