package feishu_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/builtin-plugins/channeltest/storm"
	"github.com/carapace-gateway/carapace/builtin-plugins/feishu/feishutest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest/fieldtest"
	"github.com/carapace-gateway/carapace/kernel/service/delivery"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
)

// patience only bounds a failing test.
func patience(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), kerneltest.Patience)
	t.Cleanup(cancel)
	return ctx
}

// until waits until the server shows n messages of the bot, and returns them.
func until(t *testing.T, s *feishutest.Server, n int) []feishutest.Message {
	t.Helper()
	if err := s.Wait(patience(t), func() bool { return len(s.Sent()) >= n && s.Pending() == 0 }); err != nil {
		t.Fatalf("%d messages are awaited: %+v", n, s.Sent())
	}
	return s.Sent()
}

// world is a gateway whose model answers what it is asked with "seen", and the platform that it is connected to.
type world struct {
	*feishutest.Crowd
	model *fieldtest.Completions
	g     *storm.Gateway
}

func newWorld(t *testing.T) world {
	t.Helper()
	crowd, err := feishutest.NewCrowd(1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = crowd.Close() })
	crowd.Meet(ada, "Ada")
	model := fieldtest.NewCompletions(&fieldtest.Case{Reply: "**seen** 2*3 <at id=all></at>"})
	server := httptest.NewServer(model)
	t.Cleanup(server.Close)
	fields := fmt.Sprintf(`,"agent":{"model":"openai/m"},"plugins":{"openai":{"config":{"baseUrl":%q}}}`, server.URL+"/v1")
	return world{crowd, model, storm.Start(t, crowd, "..", t.TempDir(), fields)}
}

func (w world) send(t *testing.T, params map[string]any) delivery.SendResult {
	t.Helper()
	var out delivery.SendResult
	params["channel"], params["idempotencyKey"] = "feishu", fmt.Sprint("send ", time.Now().UnixNano())
	if err := w.g.Call(t.Context(), "send", params, &out); err != nil {
		t.Error(err)
	}
	return out
}

// TestInAGateway: what takes a whole gateway: proofs, tokens, files both ways, and a second app.
func TestInAGateway(t *testing.T) {
	w := newWorld(t)
	t.Run("a call that Feishu has not signed", func(t *testing.T) { w.unsigned(t) })
	t.Run("a picture comes", func(t *testing.T) { w.pictureComes(t) })
	t.Run("a picture goes", func(t *testing.T) { w.pictureGoes(t) })
	t.Run("a long text", func(t *testing.T) { w.longText(t) })
	t.Run("a second app", func(t *testing.T) { w.secondApp(t) })
	t.Run("a secret that is wrong", func(t *testing.T) { w.wrongSecret(t) })
}

func (w world) unsigned(t *testing.T) {
	body := w.Event("0", "im.message.receive_v1", map[string]any{})
	for name, sign := range map[string]bool{"unsigned": false, "signed, and in plain text": true} {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://kernel/plugins/feishu/default/", bytes.NewReader(body))
		if sign {
			w.Sign(req.Header, body)
		}
		res, err := w.g.HTTP().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: it is answered %d", name, res.StatusCode)
		}
	}
}

func picture() []byte { return bytes.Repeat([]byte("\xff\xd8\xff a picture \x00"), 20_000) }

func (w world) pictureComes(t *testing.T) {
	channeltest.Proves(t, channeltest.MediaIn, channeltest.Markup)
	w.Server.Write(feishutest.Said{From: ada, Type: "image", File: picture()})
	if m := until(t, w.Server, 1)[0]; m.Text != `**seen** 2\*3 \<at id=all\>\</at\>` || m.To != ada || m.Summary != "seen 2*3 <at id=all></at>" {
		t.Errorf("%+v", m)
	}
	if got := string(w.model.Requests()[0].Body); !strings.Contains(got, base64.StdEncoding.EncodeToString(picture())) {
		t.Errorf("the model was asked %.300s", got)
	}
}

func (w world) pictureGoes(t *testing.T) {
	channeltest.Proves(t, channeltest.MediaOut)
	before := len(w.Sent())
	out := w.send(t, map[string]any{"to": ada, "message": "look", "buffer": base64.StdEncoding.EncodeToString(picture()), "filename": "p.jpg", "contentType": "image/jpeg"})
	got := w.Sent()[before:]
	if len(got) != 2 || got[1].Type != "image" || got[0].Text != "look" || !bytes.Equal(got[1].File, picture()) || len(out.MessageIDs) != 2 {
		t.Errorf("%+v: %d messages", out, len(got))
	}
}

func (w world) longText(t *testing.T) {
	channeltest.Proves(t, channeltest.LongText)
	before := len(w.Sent())
	if out := w.send(t, map[string]any{"to": ada, "message": strings.Repeat("**fett** 漢字漢字 \"and\" more of them. ", 300)}); len(out.MessageIDs) < 2 {
		t.Errorf("%+v", out)
	}
	all := ""
	for _, m := range w.Sent()[before:] {
		all += m.Type + m.Text + " "
	}
	if strings.Count(all, "**fett**") != 300 || strings.Contains(all, "text") {
		t.Errorf("%d of 300 arrived", strings.Count(all, "**fett**"))
	}
}

func (w world) secondApp(t *testing.T) {
	channeltest.Proves(t, channeltest.Accounts)
	second := feishutest.New(feishutest.Config{AppID: "cli_second", AppSecret: "another secret", EncryptKey: "another key"})
	t.Cleanup(func() { _ = second.Close() })
	root, err := second.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w.g.MustCall("plugins.configure", map[string]any{
		"id": "feishu", "account": "second", "config": map[string]any{"apiRoot": root + "/", "appId": "cli_second"}, "secrets": second.Secrets(), "access": map[string]any{"dmPolicy": "open"},
	}, nil)
	w.g.Event("channels.changed", func(b json.RawMessage) bool { return strings.Contains(string(b), `"second"`) })
	if err := second.Webhook(t.Context(), "http://kernel/plugins/feishu/second/", w.g.HTTP()); err != nil {
		t.Fatal(err)
	}
	before := len(w.Sent())
	second.Say(ada, "hello second")
	if until(t, second, 1); len(w.Sent()) != before {
		t.Errorf("%+v", w.Sent()[before:])
	}
}

// wrongSecret: the owner is told, and what is sent after the right one was entered arrives.
func (w world) wrongSecret(t *testing.T) {
	channeltest.Proves(t, channeltest.Health)
	third := feishutest.New(feishutest.Config{})
	t.Cleanup(func() { _ = third.Close() })
	root, err := third.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	secrets := third.Secrets()
	secrets["appSecret"] = "wrong"
	w.g.MustCall("plugins.configure", map[string]any{"id": "feishu", "account": "third", "config": map[string]any{"apiRoot": root, "appId": feishutest.DefaultAppID}, "secrets": secrets}, nil)
	w.g.Until("the owner is told", func([]kerneltest.Event) bool {
		var status json.RawMessage
		w.g.MustCall("channels.status", map[string]any{}, &status)
		return strings.Contains(string(status), "10014") && strings.Contains(string(status), "carapace setup feishu")
	})
}

// TestALongAnswerAppearsWhileItIsWritten: its beginning is a card, which the whole answer takes the place of.
func TestALongAnswerAppearsWhileItIsWritten(t *testing.T) {
	channeltest.Proves(t, channeltest.Streaming)
	crowd, err := feishutest.NewCrowd(1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = crowd.Close() })
	_, finish := storm.StartSlow(t, crowd, "..")
	crowd.Say(0, "tell me")
	shows := func(text string) func() bool {
		return func() bool { list := crowd.Sent(); return len(list) == 1 && list[0].Text == text }
	}
	if err := crowd.Wait(patience(t), shows("**The beginning** of")); err != nil {
		t.Fatal(err, crowd.Sent())
	}
	finish()
	if err := crowd.Wait(patience(t), shows("**The beginning** of it, and the end.")); err != nil {
		t.Fatal(err, crowd.Sent())
	}
}
