package googlechat_test

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
	"github.com/carapace-gateway/carapace/builtin-plugins/googlechat/googlechattest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest/fieldtest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
)

// until waits until the server has made n messages, and returns them.
func until(t *testing.T, s *googlechattest.Server, n int) []googlechattest.Sent {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), kerneltest.Patience)
	defer cancel()
	if err := s.Wait(ctx, func() bool { return len(s.Sent()) >= n && s.Pending() == 0 }); err != nil {
		t.Fatalf("%d messages are awaited: %+v", n, s.Sent())
	}
	return s.Sent()
}

// TestInAGateway: what takes a whole gateway: whose calls are taken, files that come, long texts, and a second app.
func TestInAGateway(t *testing.T) {
	channeltest.Proves(t, channeltest.MediaIn, channeltest.Markup, channeltest.LongText, channeltest.Accounts)
	crowd, err := googlechattest.NewCrowd(1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = crowd.Close() })
	model := fieldtest.NewCompletions(&fieldtest.Case{Reply: "**seen**"})
	server := httptest.NewServer(model)
	t.Cleanup(server.Close)
	g := storm.Start(t, crowd, "..", t.TempDir(), fmt.Sprintf(`,"agent":{"model":"openai/m"},"plugins":{"openai":{"config":{"baseUrl":%q}}}`, server.URL+"/v1"))
	dm := crowd.Meet(ada)
	picture := bytes.Repeat([]byte("\xff\xd8 a picture \x00"), 20_000)
	send := func(text string) error {
		return g.Call(t.Context(), "send", map[string]any{"channel": "googlechat", "to": dm.Name, "message": text, "idempotencyKey": fmt.Sprint("send ", time.Now().UnixNano())}, nil)
	}
	t.Run("calls that Google has not made", func(t *testing.T) {
		said := crowd.Event("MESSAGE", ada, dm, map[string]any{"message": map[string]any{"name": "forged", "text": "a forgery", "sender": map[string]any{"name": ada.Name}}})
		claim := func(name string, value any) string {
			c := crowd.Claims()
			c[name] = value
			return crowd.Sign(c)
		}
		for name, token := range map[string]string{
			"none": "", "another issuer's": claim("iss", "https://accounts.google.com"), "for another project": claim("aud", "1"),
			"ended": claim("exp", time.Now().Add(-time.Hour).Unix()), "unsigned": strings.Join(strings.Split(crowd.Sign(crowd.Claims()), ".")[:2], ".") + ".AAAA",
		} { // and no more: who fails often has to wait
			if status, _ := crowd.Post(t.Context(), g.HTTP(), "http://kernel/plugins/googlechat/default/", said, token); status != 401 {
				t.Errorf("%s: %d", name, status)
			}
		}
	})
	t.Run("a picture comes", func(t *testing.T) {
		crowd.Server.Say(ada, dm, "", map[string]any{"text": "what is this?", "attachment": []any{map[string]any{
			"contentName": "p.jpg", "contentType": "image/jpeg", "source": "UPLOADED_CONTENT", "attachmentDataRef": map[string]any{"resourceName": crowd.Upload("image/jpeg", picture)},
		}}})
		if m := until(t, crowd.Server, 1)[0]; m.Text != "*seen*" || m.Space != dm.Name {
			t.Errorf("%+v", m)
		}
		if got := string(model.Requests()[0].Body); !strings.Contains(got, base64.StdEncoding.EncodeToString(picture)) || !strings.Contains(got, "what is this?") {
			t.Errorf("the model was asked %.300s", got)
		}
	})
	t.Run("a long text", func(t *testing.T) {
		before := len(crowd.Sent())
		if err := send(strings.Repeat("**bold** words, and more of them. ", 150)); err != nil {
			t.Error(err)
		}
		all := ""
		got := crowd.Sent()[before:]
		for _, m := range got {
			all += m.Text + " "
		}
		if len(got) < 2 || strings.Count(all, "*bold*") != 150 {
			t.Errorf("%d of 150 arrived in %d messages", strings.Count(all, "*bold*"), len(got))
		}
	})
	t.Run("a second app", func(t *testing.T) {
		second := googlechattest.New(googlechattest.Config{Project: "42", Email: "second@test.iam.gserviceaccount.com"})
		t.Cleanup(func() { _ = second.Close() })
		if _, err := second.Listen("127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		g.MustCall("plugins.configure", map[string]any{"id": "googlechat", "account": "second", "config": second.Settings(), "secrets": second.Secrets(), "access": map[string]any{"dmPolicy": "open"}}, nil)
		g.Event("channels.changed", func(b json.RawMessage) bool { return strings.Contains(string(b), `"second"`) })
		second.Endpoint("http://kernel/plugins/googlechat/second/", g.HTTP())
		before := len(crowd.Sent())
		there := second.Meet(ada)
		second.Say(ada, there, "", googlechattest.Text(there, "hello second"))
		if got := until(t, second, 1); len(got) != 1 || len(crowd.Sent()) != before {
			t.Errorf("%+v", got)
		}
	})
	t.Run("a token that has ended", func(t *testing.T) {
		crowd.Revoke()
		if err := send("with a new token"); err != nil {
			t.Error(err) // the kernel gets another one
		}
	})
	if logged := strings.Join(g.Logged(), "\n"); strings.Contains(logged, "app-token-") || strings.Contains(logged, "BEGIN PRIVATE KEY") {
		t.Error("a secret was logged")
	}
}

// TestALongAnswerAppearsWhileItIsWritten, by edits of its beginning.
func TestALongAnswerAppearsWhileItIsWritten(t *testing.T) {
	channeltest.Proves(t, channeltest.Streaming)
	crowd, err := googlechattest.NewCrowd(1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = crowd.Close() })
	_, finish := storm.StartSlow(t, crowd, "..")
	crowd.Say(0, "tell me")
	shows := func(text string) func() bool {
		return func() bool { list := crowd.Sent(); return len(list) == 1 && list[0].Text == text }
	}
	if err := crowd.Wait(t.Context(), shows("*The beginning* of")); err != nil {
		t.Fatal(err)
	}
	finish()
	if err := crowd.Wait(t.Context(), shows("*The beginning* of it, and the end.")); err != nil {
		t.Fatal(err)
	}
}
