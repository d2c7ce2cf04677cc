package line_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/builtin-plugins/channeltest/storm"
	"github.com/carapace-gateway/carapace/builtin-plugins/line/linetest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest/fieldtest"
	"github.com/carapace-gateway/carapace/kernel/service/delivery"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/menu"
)

const public = "https://gateway.example"

// until waits until the server has taken n messages, and returns them.
func until(t *testing.T, s *linetest.Server, n int) []linetest.Sent {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), kerneltest.Patience)
	defer cancel()
	if err := s.Wait(ctx, func() bool { return len(s.Sent()) >= n && s.Pending() == 0 }); err != nil {
		t.Fatalf("%d messages are awaited: %+v", n, s.Sent())
	}
	return s.Sent()
}

// world is a gateway whose model answers what it is asked with a heading and a list, and the platform that it is connected to.
type world struct {
	*linetest.Crowd
	model *fieldtest.Completions
	g     *storm.Gateway
}

func newWorld(t *testing.T) world {
	t.Helper()
	crowd, err := linetest.NewCrowd(1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = crowd.Close() })
	crowd.Meet(ada, "Ada")
	model := fieldtest.NewCompletions(&fieldtest.Case{Reply: "# Seen\n\n- **one** of [it](https://e.org)\n- `two`\n\n> so"})
	server := httptest.NewServer(model)
	t.Cleanup(server.Close)
	fields := fmt.Sprintf(`,"gateway":{"publicUrl":%q},"agent":{"model":"openai/m"},"plugins":{"openai":{"config":{"baseUrl":%q}}}`, public+"/", server.URL+"/v1")
	return world{crowd, model, storm.Start(t, crowd, "..", t.TempDir(), fields)}
}

func (w world) send(t *testing.T, params map[string]any) delivery.SendResult {
	t.Helper()
	var out delivery.SendResult
	params["channel"], params["idempotencyKey"] = "line", fmt.Sprint("send ", time.Now().UnixNano())
	if err := w.g.Call(t.Context(), "send", params, &out); err != nil {
		t.Error(err)
	}
	return out
}

// TestInAGateway: what takes a whole gateway: proofs, tokens, files both ways, and a second channel.
func TestInAGateway(t *testing.T) {
	w := newWorld(t)
	t.Run("a call that LINE has not signed", func(t *testing.T) { w.unsigned(t) })
	t.Run("a picture comes", func(t *testing.T) { w.pictureComes(t) })
	t.Run("a picture goes", func(t *testing.T) { w.pictureGoes(t) })
	t.Run("commands", func(t *testing.T) { w.commands(t) })
	t.Run("a long text", func(t *testing.T) { w.longText(t) })
	t.Run("a second channel", func(t *testing.T) { w.secondChannel(t) })
	t.Run("a secret that is wrong", func(t *testing.T) { w.wrongSecret(t) })
}

func (w world) unsigned(t *testing.T) {
	for _, signature := range []string{"", base64.StdEncoding.EncodeToString(make([]byte, 32))} {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://kernel/plugins/line/default/", strings.NewReader(`{"destination":"Ubot","events":[]}`))
		req.Header.Set("X-Line-Signature", signature)
		res, err := w.g.HTTP().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusUnauthorized {
			t.Errorf("%q is answered %d", signature, res.StatusCode)
		}
	}
}

func picture() []byte { return bytes.Repeat([]byte("\xff\xd8\xff a picture \x00"), 20_000) }

func (w world) pictureComes(t *testing.T) {
	channeltest.Proves(t, channeltest.MediaIn, channeltest.Markup)
	w.Server.Write(ada, "", map[string]any{"type": "image"}, picture())
	if m := until(t, w.Server, 1)[0]; m.Text != "■ Seen\n\n• one of it (https://e.org)\n• two\n\n┃ so" || m.To != ada || !m.Reply {
		t.Errorf("%+v", m)
	}
	if got := string(w.model.Requests()[0].Body); !strings.Contains(got, base64.StdEncoding.EncodeToString(picture())) {
		t.Errorf("the model was asked %.300s", got)
	}
}

// pictureGoes: LINE is told where the picture is, and anybody can fetch it there.
func (w world) pictureGoes(t *testing.T) {
	channeltest.Proves(t, channeltest.MediaOut)
	before := len(w.Sent())
	out := w.send(t, map[string]any{"to": ada, "message": "look", "buffer": base64.StdEncoding.EncodeToString(picture()), "filename": "p.jpg", "contentType": "image/jpeg"})
	got := w.Sent()[before:]
	if len(got) != 2 || got[1].Type != "image" || got[0].Text != "look" || len(out.MessageIDs) != 2 || !strings.HasPrefix(got[1].URL, public+"/media/") || got[1].Preview != got[1].URL+"&thumb=512" {
		t.Fatalf("%+v: %+v", out, got)
	}
	path := strings.TrimPrefix(got[1].URL, public)
	for address, want := range map[string]int{path: http.StatusOK, strings.Replace(path, "sig=", "sig=x", 1): http.StatusUnauthorized} {
		res, err := w.g.HTTP().Get("http://kernel" + address)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.StatusCode != want || want == http.StatusOK && (!bytes.Equal(body, picture()) || res.Header.Get("Content-Type") != "image/jpeg") {
			t.Errorf("%s: %d, %d bytes of %s", address, res.StatusCode, len(body), res.Header.Get("Content-Type"))
		}
	}
}

// commands: the answer to /help offers the commands to whoever is alone with the account, and nothing else does.
func (w world) commands(t *testing.T) {
	channeltest.Proves(t, channeltest.Commands)
	before := len(w.Sent())
	w.Server.Write(ada, "", map[string]any{"type": "text", "text": "/help"}, nil)
	got := until(t, w.Server, before+1)[before]
	if len(got.Says) != len(menu.Default()) || got.Says[0] != "/help" || !strings.Contains(got.Text, "\n"+got.Says[1]+" ") {
		t.Fatalf("%q offers %q", got.Text, got.Says)
	}
	w.Server.Write(ada, "", map[string]any{"type": "text", "text": got.Says[1]}, nil)
	if next := until(t, w.Server, before+2)[before+1]; len(next.Says) != 0 || next.Text == "" {
		t.Errorf("%q offers %q", next.Text, next.Says)
	}
}

func (w world) longText(t *testing.T) {
	channeltest.Proves(t, channeltest.LongText)
	before := len(w.Sent())
	if out := w.send(t, map[string]any{"to": ada, "message": strings.Repeat("**fett** 🎉🎉 and more of them. ", 400)}); len(out.MessageIDs) < 2 {
		t.Errorf("%+v", out)
	}
	all := ""
	for _, m := range w.Sent()[before:] {
		all += m.Text + " "
	}
	if strings.Count(all, "fett") != 400 || strings.Contains(all, "*") {
		t.Errorf("%d of 400 arrived", strings.Count(all, "fett"))
	}
}

func (w world) secondChannel(t *testing.T) {
	channeltest.Proves(t, channeltest.Accounts)
	second := linetest.New(linetest.Config{ChannelID: "2", ChannelSecret: "another secret", Bot: "Usecond"})
	t.Cleanup(func() { _ = second.Close() })
	root, err := second.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.g.MustCall("plugins.configure", map[string]any{
		"id": "line", "account": "second", "config": map[string]any{"apiRoot": root, "dataRoot": root, "channelId": "2"}, "secrets": second.Secrets(), "access": map[string]any{"dmPolicy": "open"},
	}, nil)
	w.g.Event("channels.changed", func(b json.RawMessage) bool { return strings.Contains(string(b), `"second"`) })
	if err := second.Webhook(t.Context(), "http://kernel/plugins/line/second/", w.g.HTTP()); err != nil {
		t.Fatal(err)
	}
	before := len(w.Sent())
	second.Say(ada, "hello second")
	if until(t, second, 1); len(w.Sent()) != before {
		t.Errorf("%+v", w.Sent()[before:])
	}
}

// wrongSecret: the owner is told what to do.
func (w world) wrongSecret(t *testing.T) {
	channeltest.Proves(t, channeltest.Health)
	third := linetest.New(linetest.Config{})
	t.Cleanup(func() { _ = third.Close() })
	root, err := third.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.g.MustCall("plugins.configure", map[string]any{"id": "line", "account": "third", "config": map[string]any{"apiRoot": root, "channelId": linetest.DefaultChannelID}, "secrets": map[string]string{"channelSecret": "wrong"}}, nil)
	w.g.Until("the owner is told", func([]kerneltest.Event) bool {
		var status json.RawMessage
		w.g.MustCall("channels.status", map[string]any{}, &status)
		return strings.Contains(string(status), "invalid_client") && strings.Contains(string(status), "carapace setup line")
	})
}
