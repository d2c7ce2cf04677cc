package mqtt_test

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/mqtt/mqtttest"
	"github.com/carapace-gateway/carapace/kernel"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
)

// TestConversation: one gateway with accounts on several servers: with TLS and a password, one that knows only version 3.1.1, and
// payloads in JSON in groups.
func TestConversation(t *testing.T) {
	t.Parallel()
	channeltest.Proves(t, channeltest.Accounts)
	borrowed := httptest.NewUnstartedServer(http.NotFoundHandler())
	borrowed.StartTLS()
	t.Cleanup(borrowed.Close)
	roots := borrowed.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	secured := listen(t, mqtttest.Config{Users: map[string]string{"me": "s3cret-of-mine"}, MaxPacket: 4000, Unwritable: []string{"out/stranger"},
		TLS: &tls.Config{Certificates: borrowed.TLS.Certificates}})
	old := listen(t, mqtttest.Config{Old: true})
	groups := listen(t, mqtttest.Config{})
	account := func(s *mqtttest.Server, more string) string {
		return fmt.Sprintf(`{"dmPolicy":"open","groupPolicy":"open","config":{"server":%q,"clientId":"bot",%s}}`, s.URL(), more)
	}
	config := fmt.Sprintf(`{"secrets":{"keyring":false},"channels":{"mqtt":{"accounts":{"secured":%s,"old":%s,"groups":%s}}}}`,
		account(secured, `"user":"me","topics":["in/{conversation}"],"answerTopic":"out/{conversation}","fileTopic":"file/{conversation}","presenceTopic":"here","retain":true`),
		account(old, `"topics":["in/#","in/+/x"],"answerTopic":"answers/{conversation}"`),
		account(groups, `"topics":["rooms/{conversation}/say"],"answerTopic":"rooms/{conversation}/heard","format":"json","fields":{"text":"msg","sender":"from"},"name":"Robby"`))
	l := kerneltest.Start(t, kerneltest.Config(t, config), kerneltest.Plugin(kerneltest.Echo("echo")), kerneltest.Bundled(t, ".."), kerneltest.Compiled(t),
		func(o *kernel.Options) { o.Egress.TLS = &tls.Config{RootCAs: roots} }).Listen()
	send := func(account, to, text string, more ...any) error {
		params := map[string]any{"channel": "mqtt", "accountId": account, "to": to, "message": text, "idempotencyKey": fmt.Sprint(account, to, text[:min(len(text), 40)])}
		for i := 0; i < len(more); i += 2 {
			params[more[i].(string)] = more[i+1]
		}
		return l.Call(t.Context(), "send", params, nil)
	}
	l.MustCall("plugins.configure", map[string]any{"id": "mqtt", "account": "secured", "secrets": map[string]string{"password": "s3cret-of-mine"}}, nil)

	t.Run("secured", func(t *testing.T) {
		channeltest.Proves(t, channeltest.TextIn, channeltest.TextOut, channeltest.LongText, channeltest.Direct, channeltest.MediaIn, channeltest.MediaOut)
		onSecured(t, secured, send)
		var kept struct {
			Files []struct {
				Mime, Name string
				Size       int
			}
		}
		l.MustCall("media.list", map[string]any{}, &kept)
		if got := fmt.Sprint(kept.Files); !strings.Contains(got, "{image/png camera 11}") {
			t.Errorf("the camera's picture is none of %s", got)
		}
	})
	t.Run("old", func(t *testing.T) { onOld(t, old, send) })
	t.Run("groups", func(t *testing.T) {
		channeltest.Proves(t, channeltest.Groups, channeltest.Mentions, channeltest.RepliesOut)
		onGroups(t, groups, send)
	})
}

type sender func(account, to, text string, more ...any) error

func onSecured(t *testing.T, s *mqtttest.Server, send sender) {
	until(t, s, "it reads", func() bool { return s.Reads("bot", "in/+") })
	if s.Version("bot") != 5 || s.Logins() == 0 || s.Kept("here") != "online" {
		t.Errorf("version %d, %d logins, it is %q", s.Version("bot"), s.Logins(), s.Kept("here"))
	}
	s.Publish("in/kitchen", "hello, grüße 😀")
	until(t, s, "the kitchen is answered", has(s, "out/kitchen", "you said: hello, grüße 😀"))
	if s.Kept("out/kitchen") == "" {
		t.Error("the answer is not kept")
	}
	s.Publish("in/kitchen", "")
	s.Publish("in/kitchen", "long "+strings.Repeat("word ", 2000)+"end")
	until(t, s, "all of a long text has come, in pieces", func() bool {
		return strings.HasSuffix(strings.Join(s.Texts("out/kitchen"), ""), "word end") && len(s.Texts("out/kitchen")) > 3
	})
	picture := "\x89PNG\r\n\x1a\n\xff\xfe\x00"
	s.Tell(mqtttest.Message{Topic: "in/camera", Payload: []byte(picture)})
	until(t, s, "the camera is answered", func() bool { return len(s.Texts("out/camera")) == 1 })
	if err := send("secured", "user:kitchen", "look", "buffer", []byte(picture), "contentType", "image/png", "filename", "a.png"); err != nil {
		t.Fatal(err)
	}
	if got := s.Published("file/kitchen"); len(got) != 1 || string(got[0].Payload) != picture || got[0].Type != "image/png" || !slices.Contains(s.Texts("out/kitchen"), "look") {
		t.Errorf("a file came as %+v", got)
	}
	if err := send("secured", "user:stranger", "x"); err == nil || !strings.Contains(err.Error(), "may not publish there") {
		t.Errorf("where it may not publish: %v", err)
	}
	if err := send("secured", "user:a/+", "x"); err == nil || !strings.Contains(err.Error(), "none of + and #") {
		t.Errorf("to a pattern: %v", err)
	}
	s.Break()
	until(t, s, "it is told that the client is gone", func() bool { return slices.Contains(s.Texts("here"), "offline") })
	until(t, s, "it is back", func() bool { return s.Kept("here") == "online" })
}

func onOld(t *testing.T, s *mqtttest.Server, send sender) {
	until(t, s, "it reads", func() bool { return s.Reads("bot", "in/#") && s.Reads("bot", "in/+/x") })
	if s.Version("bot") != 4 {
		t.Errorf("it speaks version %d", s.Version("bot"))
	}
	s.Publish("in/a/b", "hello")
	until(t, s, "the topic is answered", has(s, "answers/in/a/b", "you said: hello"))
	if err := send("old", "user:in/a/b", "news"); err != nil {
		t.Fatal(err)
	}
	if !has(s, "answers/in/a/b", "news")() {
		t.Errorf("it has published %q", s.Texts("#"))
	}
	s.Forget()
	until(t, s, "it asks again where nothing was kept", func() bool { return s.Reads("bot", "in/#") })
	s.Publish("in/c", "again")
	until(t, s, "the topic is answered", has(s, "answers/in/c", "you said: again"))
}

func onGroups(t *testing.T, s *mqtttest.Server, send sender) {
	until(t, s, "it reads", func() bool { return s.Reads("bot", "rooms/+/say") })
	s.Publish("rooms/den/say", `{"msg":"just us","from":"ann","id":1}`)
	for range 2 { // a sender that repeats itself
		s.Publish("rooms/den/say", `{"msg":"Robby, are you there?","from":"ann","id":2}`)
	}
	s.Publish("rooms/den/say", `{"msg":"robby!","from":"bob","id":3}`)
	until(t, s, "bob is answered", func() bool { return strings.Contains(strings.Join(s.Texts("rooms/den/heard"), ""), "robby!") })
	got := strings.Join(s.Texts("rooms/den/heard"), "\n")
	if strings.Count(got, "are you there?") != 1 || strings.Contains(got, "]just us") || !strings.Contains(got, `"replyTo":"2"`) || !strings.Contains(got, `{"id":"`) || !strings.Contains(got, `"msg":"`) {
		t.Errorf("it has published %s", got)
	}
	if err := send("groups", "group:den", "look", "buffer", []byte("a file"), "contentType", "text/plain", "filename", "a.txt"); err != nil {
		t.Fatal(err)
	}
	if got := s.Texts("rooms/den/heard"); !strings.Contains(got[len(got)-1], `"file":{"name":"a.txt","mime":"text/plain","size":6,"data":"YSBmaWxl"}}`) {
		t.Errorf("a file came as %s", got[len(got)-1])
	}
}
