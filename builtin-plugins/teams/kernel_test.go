package teams_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/builtin-plugins/channeltest/storm"
	"github.com/carapace-gateway/carapace/builtin-plugins/teams/teamstest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest/fieldtest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
)

// until waits until the server has taken n messages, and returns them.
func until(t *testing.T, s *teamstest.Server, n int) []teamstest.Sent {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), kerneltest.Patience)
	defer cancel()
	if err := s.Wait(ctx, func() bool { return len(s.Sent()) >= n && s.Pending() == 0 }); err != nil {
		t.Fatalf("%d messages are awaited: %+v", n, s.Sent())
	}
	return s.Sent()
}

// TestInAGateway: what takes a whole gateway: whose calls are taken, files both ways, long texts, and a second bot.
func TestInAGateway(t *testing.T) {
	channeltest.Proves(t, channeltest.MediaIn, channeltest.MediaOut, channeltest.Markup, channeltest.LongText, channeltest.Accounts)
	crowd, err := teamstest.NewCrowd(1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = crowd.Close() })
	model := fieldtest.NewCompletions(&fieldtest.Case{Reply: "**seen**"})
	server := httptest.NewServer(model)
	t.Cleanup(server.Close)
	g := storm.Start(t, crowd, "..", t.TempDir(), fmt.Sprintf(`,"agent":{"model":"openai/m"},"plugins":{"openai":{"config":{"baseUrl":%q}}}`, server.URL+"/v1"))
	chat := crowd.Meet(ada)
	picture := bytes.Repeat([]byte("\xff\xd8 a picture \x00"), 20_000)
	send := func(params map[string]any) error {
		params["channel"], params["idempotencyKey"], params["to"] = "teams", fmt.Sprint("send ", time.Now().UnixNano()), chat.ID
		return g.Call(t.Context(), "send", params, nil)
	}
	t.Run("calls that the connector has not made", func(t *testing.T) {
		said := crowd.Activity(ada, chat, "", map[string]any{"text": "a forgery"})
		claim := func(name string, value any) string {
			c := crowd.Claims()
			c[name] = value
			return crowd.Sign(c)
		}
		for name, token := range map[string]string{
			"none": "", "for another app": claim("aud", "another-app"), "of another address": claim("serviceurl", "https://evil.example/"),
			"unsigned": strings.Join(strings.Split(crowd.Sign(crowd.Claims()), ".")[:2], ".") + ".AAAA", // and no more: who fails often has to wait
		} {
			if status, _ := crowd.Post(t.Context(), g.HTTP(), "http://kernel/plugins/teams/default/", said, token); status != 401 {
				t.Errorf("%s: %d", name, status)
			}
		}
		said["channelId"] = "webchat"
		if status, _ := crowd.Post(t.Context(), g.HTTP(), "http://kernel/plugins/teams/default/", said, crowd.Sign(crowd.Claims())); status != 401 {
			t.Errorf("a channel that the key is not for: %d", status)
		}
	})
	t.Run("a picture comes", func(t *testing.T) {
		url := crowd.Inline("image/jpeg", picture)
		crowd.Do(ada, chat, "", map[string]any{"text": "what is this?", "attachments": []any{map[string]any{"contentType": "image/*", "contentUrl": url}}})
		if m := until(t, crowd.Server, 1)[0]; m.Text != "seen" || m.Source != "<strong>seen</strong>" || m.Chat != chat.ID {
			t.Errorf("%+v", m)
		}
		if got := string(model.Requests()[0].Body); !strings.Contains(got, base64.StdEncoding.EncodeToString(picture)) || !strings.Contains(got, "what is this?") {
			t.Errorf("the model was asked %.300s", got)
		}
	})
	t.Run("a picture goes", func(t *testing.T) {
		before := len(crowd.Sent())
		err := send(map[string]any{"message": "look", "buffer": base64.StdEncoding.EncodeToString(picture), "filename": "p.jpg", "contentType": "image/jpeg"})
		got := crowd.Sent()[before:]
		if err != nil || len(got) != 1 || got[0].Text != "look" || !bytes.Equal(got[0].File, picture) {
			t.Errorf("%v: %d messages", err, len(got))
		}
	})
	t.Run("a document goes", func(t *testing.T) {
		before := len(crowd.Sent())
		data := bytes.Repeat([]byte("a document "), 200_000)
		err := send(map[string]any{"message": "read", "buffer": base64.StdEncoding.EncodeToString(data), "filename": "d.bin", "contentType": "application/octet-stream"})
		got := crowd.Sent()[before:]
		if err != nil || len(got) != 1 || got[0].Offered == nil {
			t.Fatalf("%v: %+v", err, got)
		}
		crowd.Answer(ada, got[0], true)
		if m := until(t, crowd.Server, before+2)[before+1]; !bytes.Equal(m.File, data) || m.FileName != "d.bin" {
			t.Errorf("%d bytes arrived as %s", len(m.File), m.FileName)
		}
	})
	t.Run("a long text", func(t *testing.T) {
		before := len(crowd.Sent())
		if err := send(map[string]any{"message": strings.Repeat("**bold** words, and more of them. ", 400)}); err != nil {
			t.Error(err)
		}
		all := ""
		got := crowd.Sent()[before:]
		for _, m := range got {
			all += m.Source + " "
		}
		if len(got) < 2 || strings.Count(all, "<strong>bold</strong>") != 400 {
			t.Errorf("%d of 400 arrived in %d messages", strings.Count(all, "<strong>bold</strong>"), len(got))
		}
	})
	t.Run("a second bot", func(t *testing.T) {
		second := teamstest.New(teamstest.Config{AppID: "second-app", Secret: "another secret"})
		t.Cleanup(func() { _ = second.Close() })
		if _, err := second.Listen("127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		g.MustCall("plugins.configure", map[string]any{"id": "teams", "account": "second", "config": second.Settings(), "secrets": second.Secrets(), "access": map[string]any{"dmPolicy": "open"}}, nil)
		g.Event("channels.changed", func(b json.RawMessage) bool { return strings.Contains(string(b), `"second"`) })
		second.Endpoint("http://kernel/plugins/teams/second/", g.HTTP())
		before := len(crowd.Sent())
		second.Say(ada, second.Meet(ada), "", "hello second")
		if got := until(t, second, 1); len(got) != 1 || len(crowd.Sent()) != before {
			t.Errorf("%+v", got)
		}
	})
	t.Run("a secret that has ended", func(t *testing.T) {
		crowd.Revoke()
		if err := send(map[string]any{"message": "with a new token"}); err != nil {
			t.Error(err) // the kernel gets another one
		}
		g.MustCall("plugins.configure", map[string]any{"id": "teams", "account": "default", "secrets": map[string]string{"appSecret": "an old one"}}, nil)
		l := g.Listener
		l.Until("the account needs a login", func([]kerneltest.Event) bool {
			var status struct {
				ChannelAccounts map[string][]struct{ AccountID, LastError string }
			}
			l.MustCall("channels.status", map[string]any{}, &status)
			for _, a := range status.ChannelAccounts["teams"] {
				if a.AccountID == "default" && strings.Contains(a.LastError, "Manage Password") {
					return true
				}
			}
			return false
		})
	})
	if logged := strings.Join(g.Logged(), "\n"); strings.Contains(logged, "bot-token-") || strings.Contains(logged, teamstest.DefaultSecret) {
		t.Error("a secret was logged")
	}
}

// TestALongAnswerAppearsWhileItIsWritten, by edits of its beginning.
func TestALongAnswerAppearsWhileItIsWritten(t *testing.T) {
	channeltest.Proves(t, channeltest.Streaming)
	crowd, err := teamstest.NewCrowd(1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = crowd.Close() })
	_, finish := storm.StartSlow(t, crowd, "..")
	crowd.Say(0, "tell me")
	shows := func(text string) func() bool {
		return func() bool { list := crowd.Sent(); return len(list) == 1 && list[0].Text == text }
	}
	if err := crowd.Wait(t.Context(), shows("The beginning of")); err != nil {
		t.Fatal(err)
	}
	finish()
	if err := crowd.Wait(t.Context(), shows("The beginning of it, and the end.")); err != nil {
		t.Fatal(err)
	}
}
