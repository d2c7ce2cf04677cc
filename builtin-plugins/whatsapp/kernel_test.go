package whatsapp_test

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
	"github.com/carapace-gateway/carapace/builtin-plugins/whatsapp/whatsapptest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest/fieldtest"
	"github.com/carapace-gateway/carapace/kernel/service/delivery"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

// templated is a crowd whose account has a template.
type templated struct{ *whatsapptest.Crowd }

func (c templated) Account() channeltest.Account {
	a := c.Crowd.Account()
	a.Config["template"] = "notice"
	return a
}

// inGateway is a whole gateway with an account, whose model answers what it is asked with "seen".
func inGateway(t *testing.T) (*whatsapptest.Crowd, *fieldtest.Completions, *storm.Gateway) {
	t.Helper()
	crowd, err := whatsapptest.NewCrowd(1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = crowd.Close() })
	crowd.Template("notice", "en_US")
	model := fieldtest.NewCompletions(&fieldtest.Case{Reply: "**seen**"})
	server := httptest.NewServer(model)
	t.Cleanup(server.Close)
	fields := fmt.Sprintf(`,"agent":{"model":"openai/m"},"plugins":{"openai":{"config":{"baseUrl":%q}}}`, server.URL+"/v1")
	return crowd, model, storm.Start(t, templated{crowd}, "..", t.TempDir(), fields)
}

// until waits until the server has taken n messages, and returns them.
func until(t *testing.T, c *whatsapptest.Crowd, n int) []whatsapptest.Sent {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), kerneltest.Patience)
	defer cancel()
	if err := c.Wait(ctx, func() bool { return len(c.Sent()) >= n && c.Pending() == 0 }); err != nil {
		t.Fatalf("%d messages are awaited: %+v", n, c.Sent())
	}
	return c.Sent()
}

// TestInAGateway: what takes a whole gateway: signatures, files both ways, and what becomes of what was sent.
func TestInAGateway(t *testing.T) {
	channeltest.Proves(t, channeltest.MediaIn, channeltest.MediaOut, channeltest.Markup, channeltest.LongText, channeltest.Direct, channeltest.Refusals, channeltest.Accounts)
	crowd, model, g := inGateway(t)
	picture := bytes.Repeat([]byte("\xff\xd8 a picture \x00"), 20_000)
	send := func(params map[string]any) (delivery.SendResult, error) {
		var out delivery.SendResult
		params["channel"], params["idempotencyKey"] = "whatsapp", fmt.Sprint("send ", time.Now().UnixNano())
		err := g.Call(t.Context(), "send", params, &out)
		return out, err
	}
	t.Run("a call that Meta has not signed", func(t *testing.T) {
		for _, signature := range []string{"", "sha256=" + strings.Repeat("0", 64)} {
			req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://kernel/plugins/whatsapp/default/", strings.NewReader(`{"object":"whatsapp_business_account"}`))
			req.Header.Set("X-Hub-Signature-256", signature)
			res, err := g.HTTP().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			if res.StatusCode != http.StatusUnauthorized {
				t.Errorf("%q is answered %d", signature, res.StatusCode)
			}
		}
	})
	t.Run("a picture comes", func(t *testing.T) {
		crowd.SendFile(ada, "image", "image/jpeg", picture, map[string]any{"caption": "what is this?"})
		if m := until(t, crowd, 1)[0]; m.Text != "*seen*" || m.To != ada.Number {
			t.Errorf("%+v", m)
		}
		if got := string(model.Requests()[0].Body); !strings.Contains(got, base64.StdEncoding.EncodeToString(picture)) || !strings.Contains(got, "what is this?") {
			t.Errorf("the model was asked %.300s", got)
		}
	})
	t.Run("a picture goes", func(t *testing.T) {
		before := len(crowd.Sent())
		out, err := send(map[string]any{"to": ada.Number, "message": "look", "buffer": base64.StdEncoding.EncodeToString(picture), "filename": "p.jpg", "contentType": "image/jpeg"})
		got := crowd.Sent()[before:]
		if err != nil || len(got) != 1 || got[0].Type != "image" || got[0].Text != "look" || !bytes.Equal(got[0].File, picture) || out.MessageID != got[0].ID {
			t.Errorf("%+v %v: %d messages", out, err, len(got))
		}
	})
	t.Run("a long text", func(t *testing.T) {
		before := len(crowd.Sent())
		text := strings.Repeat("**bold** words, and more of them. ", 300)
		if out, err := send(map[string]any{"to": ada.Number, "message": text}); err != nil || len(out.MessageIDs) < 2 {
			t.Errorf("%+v %v", out, err)
		}
		all := ""
		for _, m := range crowd.Sent()[before:] {
			all += m.Text + " "
		}
		if strings.Count(all, "*bold*") != 300 {
			t.Errorf("%d of 300 arrived", strings.Count(all, "*bold*"))
		}
	})
	t.Run("an answer that is lost", func(t *testing.T) {
		before := len(crowd.Sent())
		crowd.Fail(whatsapptest.Fault{Call: "messages", CutAfter: true})
		out, err := send(map[string]any{"to": ada.Number, "message": "once"})
		got := crowd.Sent()[before:]
		if err != nil || len(got) != 1 || out.MessageID != got[0].ID {
			t.Errorf("%+v %v: %+v", out, err, got)
		}
	})
	t.Run("a second number", func(t *testing.T) {
		second := whatsapptest.New(whatsapptest.Config{PhoneNumberID: "2000", Number: "15559990000", AppSecret: "another secret"})
		t.Cleanup(func() { _ = second.Close() })
		root, err := second.Listen("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		g.MustCall("plugins.configure", map[string]any{
			"id": "whatsapp", "account": "second", "config": map[string]any{"apiRoot": root, "phoneNumberId": "2000"}, "secrets": second.Secrets(), "access": map[string]any{"dmPolicy": "open"},
		}, nil)
		g.Event("channels.changed", func(b json.RawMessage) bool { return strings.Contains(string(b), `"second"`) })
		if err := second.Webhook(t.Context(), "http://kernel/plugins/whatsapp/second/", g.HTTP()); err != nil {
			t.Fatal(err)
		}
		before := len(crowd.Sent())
		second.Say(ada, "hello second")
		if err := second.Wait(t.Context(), func() bool { return len(second.Sent()) == 1 }); err != nil || len(crowd.Sent()) != before {
			t.Errorf("%v: %+v", err, second.Sent())
		}
	})
	t.Run("somebody without WhatsApp", func(t *testing.T) {
		if out, err := send(map[string]any{"to": "4900000", "message": "x"}); wit.CodeOf(err) != wit.CodeNotFound || !strings.Contains(err.Error(), "no WhatsApp") {
			t.Errorf("%+v %v", out, err)
		}
	})
	t.Run("somebody who has not written for a day", func(t *testing.T) {
		before := len(crowd.Sent())
		crowd.Leave(ada.Number, 25*time.Hour)
		out, err := send(map[string]any{"to": ada.Number, "message": "news\nfor you"})
		got := crowd.Sent()[before:]
		if err != nil || len(got) != 2 || got[0].Failed != 131047 || got[1].Type != "template" || got[1].Text != "news / for you" || out.MessageID != got[1].ID {
			t.Errorf("%+v %v: %+v", out, err, got)
		}
		crowd.Server.Say(ada, "here I am")
		if m := until(t, crowd, before+3)[before+2]; m.Type != "text" {
			t.Errorf("who writes again gets %+v", m)
		}
	})
}
