package servers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/ntfy/ntfytest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
)

// ntfy finds the server, which is its own client too. No registry has it: the test is skipped where it is not installed, and .ci/ntfy has a client library.
func ntfy(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("ntfy")
	if err != nil {
		t.Skip("ntfy is not installed")
	}
	return path
}

// ntfyConfig is a server where nobody may do anything without a login.
const ntfyConfig = `base-url: "http://127.0.0.1:%[1]d"
listen-http: "127.0.0.1:%[1]d"
cache-file: "%[2]s/cache.db"
attachment-cache-dir: "%[2]s/files"
auth-file: "%[2]s/auth.db"
auth-default-access: "deny-all"
visitor-request-limit-burst: 100000
`

// TestNtfy: a text and a file both ways, a long text, a wrong token, and the server's end and return.
func TestNtfy(t *testing.T) {
	path := ntfy(t)
	dir, at := home(t), port(t)
	config := write(t, dir, "server.yml", fmt.Sprintf(ntfyConfig, at, dir))
	start := func() *daemon { return run(t, false, at, path, "serve", "-c", config) }
	server := start()
	admin := func(env string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), path, append([]string{args[0], "-c", config}, args[1:]...)...)
		cmd.Env = append(cmd.Environ(), env)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("ntfy %v: %v %s", args, err, out)
		}
		return string(out)
	}
	admin("NTFY_PASSWORD=of the test", "user", "add", "bot")
	admin("", "access", "bot", "*", "rw")
	token := strings.Fields(admin("", "token", "add", "bot"))[1]
	url := fmt.Sprintf("http://127.0.0.1:%d", at)
	l := gateway(t, fmt.Sprintf(`{"secrets":{"keyring":false},"channels":{"ntfy":{"accounts":{"home":{"dmPolicy":"open","config":{"server":%q,"topic":"home, ask>answers"}}}}}}`, url)).Listen()
	l.MustCall("plugins.configure", map[string]any{"id": "ntfy", "account": "home", "secrets": map[string]string{"token": "tk_wrong"}}, nil)
	l.Event("channels.changed", func(b json.RawMessage) bool { return bytes.Contains(b, []byte("access token")) })
	l.MustCall("plugins.configure", map[string]any{"id": "ntfy", "account": "home", "secrets": map[string]string{"token": token}}, nil)
	l.Event("channels.changed", func(b json.RawMessage) bool { return bytes.Contains(b, []byte(`"connected"`)) })
	someone := client{t, url, token}
	someone.publish("home", "", "grüße 😀")
	someone.sees("home", "you said: grüße 😀")
	someone.publish("ask", "", strings.Repeat("word ", 400)+"end")
	someone.sees("answers", "word end")
	someone.publish("home", "x.txt", strings.Repeat("a file ", 1000))
	someone.sees("home", "x.txt")
	server.end()
	start()
	someone.publish("home", "", "after a while")
	someone.sees("home", "you said: after a while")
}

// client is somebody who writes to topics of a server, and reads them.
type client struct {
	t          *testing.T
	url, token string
}

func (c client) do(method, path, body string) *http.Response {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	res, err := http.DefaultClient.Do(req)
	if err != nil || res.StatusCode != http.StatusOK {
		c.t.Fatalf("%s %s: %v %v", method, path, res, err)
	}
	c.t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

func (c client) publish(topic, file, text string) {
	c.t.Helper()
	c.do(http.MethodPut, "/"+topic+"?filename="+file, text)
}

// sees waits for a message of the account's that has a text.
func (c client) sees(topic, text string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), kerneltest.Patience)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { c.t.Errorf("nothing says %q in %s", text, topic) })
	defer stop()
	lines := json.NewDecoder(c.do(http.MethodGet, "/"+topic+"/json?since=all&tags=robot", "").Body)
	for ctx.Err() == nil {
		var m ntfytest.Message
		if err := lines.Decode(&m); err != nil {
			c.t.Fatalf("%s: %v", topic, err)
		}
		if strings.Contains(m.Message, text) {
			return
		}
	}
}

// TestNtfyClient: ntfy's own client speaks to the tests' server.
func TestNtfyClient(t *testing.T) {
	path := ntfy(t)
	s := ntfytest.New(ntfytest.Config{Token: "tk_0123456789abcdef0123456789abc"})
	t.Cleanup(func() { _ = s.Close() })
	url, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	call := func(args ...string) string {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput()
		if err != nil {
			t.Fatalf("ntfy %v: %v %s", args, err, out)
		}
		return string(out)
	}
	login := []string{"--token", "tk_0123456789abcdef0123456789abc"}
	publish := func(args ...string) { t.Helper(); call(append(append([]string{"publish"}, login...), args...)...) }
	publish("--title", "Ä title", "--tags", "warning,skull", "--priority", "5", "--markdown", "--actions", "view, Open, https://example.org", url+"/home", "hello")
	publish("--file", write(t, t.TempDir(), "a.txt", "of a file"), url+"/home", "look")
	list := s.Published("home")
	if len(list) != 2 || list[0].Title != "Ä title" || list[0].Priority != 5 || len(list[0].Tags) != 2 || list[0].ContentType != "text/markdown" || string(s.File(list[1])) != "of a file" {
		t.Errorf("%+v", list)
	}
	out := call(append(append([]string{"subscribe"}, login...), "--poll", "--since", "all", url+"/home")...)
	var m ntfytest.Message
	if err := json.Unmarshal([]byte(strings.Split(out, "\n")[1]), &m); err != nil || m.Attachment == nil || m.Attachment.Name != filepath.Base("a.txt") {
		t.Errorf("%v %s", err, out)
	}
}
