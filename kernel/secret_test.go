package kernel_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
)

// TestSecretsStayInside plants secrets wherever an owner may put one, lets them be used, fail and be
// asked for, and then reads everything that comes out: answers, events, logs, HTTP, the disk.
func TestSecretsStayInside(t *testing.T) {
	t.Parallel()
	const token, key, password = "canary-platform-token-1", "canary-model-key-2", "canary-password-3"
	p := kerneltest.NewPlatform(t)
	var out strings.Builder
	gone := "http://127.0.0.1:1/v1/" // nobody listens: errors name the request
	dir := t.TempDir()
	k := kerneltest.Start(t, kerneltest.StateDir(dir), kerneltest.Log(&out), kerneltest.Config(t, fmt.Sprintf(`{
		"gateway":{"password":%q},
		"channels":{"chat":{"accounts":{"home":{"dmPolicy":"open","config":{"root":%q}}}}},
		"plugins":{"stream":{"config":{"url":%q}}}}`, password, p.URL, gone)),
		kerneltest.Plugin(kerneltest.Channel("chat"), kerneltest.Streamer("stream")))
	c, err := k.TryDial(client.Options{Password: password})
	if err != nil {
		t.Fatal(err)
	}
	l := kerneltest.Listen(t, c)
	l.MustCall("plugins.configure", map[string]any{"id": "chat", "account": "home", "secrets": map[string]string{"token": token}}, nil)
	l.MustCall("plugins.configure", map[string]any{"id": "stream", "secrets": map[string]string{"key": key}}, nil)
	failures := []error{
		l.Call(t.Context(), "plugins.configure", map[string]any{"id": "stream", "config": map[string]string{"key": key}}, nil),
		l.Call(t.Context(), "plugins.configure", map[string]any{"id": "stream", "config": map[string]string{"nonsense": key}}, nil),
		l.Call(t.Context(), "plugins.configure", map[string]any{"id": "stream", "secrets": map[string]string{"nonsense": key}}, nil),
	}
	p.Refuse(1, 500)
	p.Say("ann", "hello")
	l.End("channel:chat/home/m1") // the model cannot be reached
	l.MustCall("send", map[string]any{"channel": "chat", "to": "ann", "message": "hi", "idempotencyKey": "s"}, nil)
	p.Until("the bot posts", func(posts []kerneltest.Post) bool { return len(posts) > 0 })
	if posts := p.Posts(); posts[0].Authorization != "Bearer "+token {
		t.Errorf("the platform was given %q", posts[0].Authorization)
	}

	var seen bytes.Buffer
	for i, err := range failures {
		if err == nil {
			t.Errorf("bad setting %d was taken", i)
		}
		fmt.Fprintln(&seen, err)
	}
	writeAll(t, &seen, l)
	for _, path := range []string{"/health", "/ready", "/metrics", "/", "/config", "/plugins/chat/home"} {
		res, b := k.Exchange("GET", path, nil, "Authorization", "Bearer "+password)
		fmt.Fprintf(&seen, "%s %v %s\n", path, res.Header, b)
	}
	seen.WriteString(strings.Join(k.Logged(), "\n"))
	k.Stop()
	seen.WriteString(out.String())
	if seen.Len() < 10_000 {
		t.Errorf("only %d bytes came out: this test reads nothing", seen.Len())
	}
	for _, secret := range []string{token, key, password, kerneltest.Token} {
		if i := bytes.Index(seen.Bytes(), []byte(secret)); i >= 0 {
			t.Errorf("%s came out: …%s…", secret, seen.Bytes()[max(0, i-300):min(seen.Len(), i+60)])
		}
		if secret != password { // that stands in the config file, where the owner wrote it
			grep(t, dir, secret)
		}
	}
}

// writeAll writes what a client is told: by every method, and by events.
func writeAll(t *testing.T, to io.Writer, l *kerneltest.Listener) {
	for _, method := range l.Hello().Features.Methods {
		var answer json.RawMessage
		err := l.Call(t.Context(), method, params(method), &answer)
		fmt.Fprintf(to, "%s %s %v\n", method, answer, err)
	}
	for _, e := range l.Events() {
		fmt.Fprintf(to, "%s %s\n", e.Name, e.Payload)
	}
}

// TestSecretsOfTheFileStayInside: an owner has put secrets into the config file, by mistake and in every place
// where one could be put.
func TestSecretsOfTheFileStayInside(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	k := kerneltest.Start(t, kerneltest.Log(&out), kerneltest.Config(t, `{
		"gateway":{"password":"canary-1-password"},
		"channels":{
			"chat":{"accounts":{"home":{"config":{"root":"http://u:canary-2-url@127.0.0.1:1","token":"canary-3-token","tokn":"canary-4-typo"}}}},
			"absent":{"accounts":{"home":{"config":{"token":"canary-5-absent"}}}}},
		"plugins":{
			"stream":{"config":{"url":["canary-6-type"],"key":"canary-7-key"}},
			"chat":{"config":{"token":"canary-8-section"}},
			"gone":{"config":{"deep":{"key":"canary-9-gone"}}}}}`),
		kerneltest.Plugin(kerneltest.Channel("chat"), kerneltest.Streamer("stream")))
	c, err := k.TryDial(client.Options{Password: "canary-1-password"})
	if err != nil {
		t.Fatal(err)
	}
	l := kerneltest.Listen(t, c)
	var seen bytes.Buffer
	writeAll(t, &seen, l)
	k.Stop()
	seen.WriteString(out.String())
	if !strings.Contains(seen.String(), `"root":"http://u:xxxxx@127.0.0.1:1"`) || strings.Count(seen.String(), "[redacted]") < 8 {
		t.Error("the settings are not shown")
	}
	for _, line := range strings.Split(seen.String(), "\n") {
		if i := strings.Index(line, "canary-"); i >= 0 && !strings.Contains(line, "canary-6") {
			t.Errorf("%.40s: …%s…", line, line[max(0, i-100):min(len(line), i+40)])
		}
	}
}

// params are what makes a method answer something.
func params(method string) any {
	switch method {
	case "chat.history", "chat.abort":
		return map[string]any{"sessionKey": "main"}
	case "plugins.info":
		return map[string]any{"id": "stream"}
	case "logs.tail":
		return map[string]any{"limit": 5000, "maxBytes": 1000000}
	case "sessions.export", "sessions.describe", "sessions.resolve":
		return map[string]any{"key": "main"}
	case "sessions.preview":
		return map[string]any{"keys": []string{"main"}}
	case "channels.status":
		return map[string]any{"probe": true}
	}
	return map[string]any{}
}

// grep fails for a file below dir that holds the secret in clear text.
func grep(t *testing.T, dir, secret string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if bytes.Contains(b, []byte(secret)) {
			t.Errorf("%s is in %s", secret, path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
