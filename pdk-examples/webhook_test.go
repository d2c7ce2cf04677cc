package examples_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
)

// toySlack takes posts as Slack's chat.postMessage does.
type toySlack struct {
	mu    sync.Mutex
	posts []string
	more  chan struct{} // has one for each post
}

func (s *toySlack) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var post struct{ Channel, Text string }
	if r.URL.Path != "/chat.postMessage" || r.Header.Get("Authorization") != "Bearer xoxb-token" || json.NewDecoder(r.Body).Decode(&post) != nil {
		fmt.Fprint(w, `{"ok":false,"error":"invalid_auth"}`)
		return
	}
	s.mu.Lock()
	s.posts = append(s.posts, post.Channel+": "+post.Text)
	n := len(s.posts)
	s.mu.Unlock()
	fmt.Fprintf(w, `{"ok":true,"ts":"9.%d"}`, n)
	s.more <- struct{}{}
}

// answered waits for n posts and returns all.
func (s *toySlack) answered(t *testing.T, n int) []string {
	t.Helper()
	patience := time.After(kerneltest.Patience)
	for {
		s.mu.Lock()
		posts := slices.Clone(s.posts)
		s.mu.Unlock()
		if len(posts) >= n {
			return posts
		}
		select {
		case <-s.more:
		case <-patience:
			t.Fatalf("waited in vain for %d posts: %q", n, posts)
		}
	}
}

const slackSecret = "8f742231b10e8888abcd99yyyzzz85a5"

// event makes a call as Slack does, signed at a time, and returns status and text of the answer.
func event(t *testing.T, k *kerneltest.Kernel, body string, at time.Time) (int, string) {
	t.Helper()
	stamp := fmt.Sprint(at.Unix())
	mac := hmac.New(sha256.New, []byte(slackSecret))
	mac.Write([]byte("v0:" + stamp + ":" + body))
	return call(t, k, body, "X-Slack-Request-Timestamp", stamp, "X-Slack-Signature", "v0="+hex.EncodeToString(mac.Sum(nil)))
}

func call(t *testing.T, k *kerneltest.Kernel, body string, headers ...string) (int, string) {
	t.Helper()
	res, text := k.Exchange("POST", "/plugins/go-slack-events/team/events", strings.NewReader(body), append([]string{"Authorization", ""}, headers...)...)
	return res.StatusCode, text
}

func said(n int, text string) string {
	return fmt.Sprintf(`{"type":"event_callback","event":{"type":"message","channel":"D1","user":"U1","text":%q,"ts":"1.%d"}}`, text, n)
}

// upgrade makes a plugin another version of itself.
func upgrade(t *testing.T, manifest string) {
	t.Helper()
	old, err := os.ReadFile(manifest)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(manifest, []byte(strings.Replace(string(old), `"1.0.0"`, `"1.0.1"`, 1)), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestWebhookChannel: what Slack says is answered once, also where it is repeated, by somebody else or after a restart,
// and where the plugin is replaced meanwhile; what Slack has not said reaches nobody.
func TestWebhookChannel(t *testing.T) {
	t.Parallel()
	chat := &toySlack{more: make(chan struct{}, 100)}
	config := kerneltest.Config(t, fmt.Sprintf(
		`{"channels":{"go-slack-events":{"accounts":{"team":{"dmPolicy":"open","config":{"api":%q}}}}}}`, serve(t, chat)))
	state := t.TempDir()
	drop(t, filepath.Join(state, "plugins", "go-slack-events"), "go-slack-events")
	boot := func() *kerneltest.Kernel {
		return kerneltest.Start(t, config, kerneltest.StateDir(state), kerneltest.Compiled(t), kerneltest.Plugin(kerneltest.Echo("echo")))
	}
	k, now := boot(), time.Now()
	if status, _ := event(t, k, said(1, "too early"), now); status != http.StatusForbidden {
		t.Errorf("before the secret is set: %d", status)
	}
	l := k.Listen()
	l.MustCall("plugins.configure", map[string]any{"id": "go-slack-events", "account": "team",
		"secrets": map[string]string{"signingSecret": slackSecret, "botToken": "xoxb-token"}}, nil)
	if status, text := event(t, k, `{"type":"url_verification","challenge":"3eZb"}`, now); status != 200 || text != "3eZb" {
		t.Errorf("the address: %d %q", status, text)
	}
	for name, headers := range map[string][]string{
		"unsigned":         nil,
		"wrongly signed":   {"X-Slack-Request-Timestamp", fmt.Sprint(now.Unix()), "X-Slack-Signature", "v0=" + strings.Repeat("00", 32)},
		"of another shape": {"X-Slack-Request-Timestamp", fmt.Sprint(now.Unix()), "X-Slack-Signature", strings.Repeat("v0=,", 1000)},
	} {
		if status, _ := call(t, k, said(2, name), headers...); status != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, status)
		}
	}
	if status, _ := event(t, k, said(3, "late"), now.Add(-6*time.Minute)); status != http.StatusUnauthorized {
		t.Errorf("long ago: %d", status)
	}
	if status, _ := event(t, k, said(4, strings.Repeat("x", 2<<20)), now); status != http.StatusRequestEntityTooLarge {
		t.Errorf("huge: %d", status)
	}
	if status, _ := event(t, k, "", now); status != http.StatusBadRequest {
		t.Errorf("empty: %d", status)
	}
	for i := range 3 { // the call itself, who has read it along, and Slack's own repetition, which is signed anew
		if status, _ := event(t, k, said(5, "hello"), now.Add(time.Duration(i/2)*time.Second)); status != 200 {
			t.Errorf("call %d: %d", i, status)
		}
	}
	if posts := chat.answered(t, 1); posts[0] != "D1: you said: hello" {
		t.Errorf("%q", posts)
	}
	k.Stop()
	k = boot()
	if status, _ := event(t, k, said(5, "hello"), now); status != 200 {
		t.Errorf("after a restart: %d", status)
	}
	for i := range 20 {
		if i == 10 {
			upgrade(t, filepath.Join(state, "plugins", "go-slack-events", "plugin.json"))
		}
		if status, _ := event(t, k, said(10+i, fmt.Sprint("message ", i)), now); status != 200 {
			t.Errorf("message %d: %d", i, status)
		}
	}
	posts := chat.answered(t, 21)
	for i := range 20 {
		if want := fmt.Sprint("D1: you said: message ", i); posts[1+i] != want {
			t.Errorf("post %d is %q, want %q", 1+i, posts[1+i], want)
		}
	}
	if len(posts) != 21 {
		t.Errorf("%q", posts)
	}
}
