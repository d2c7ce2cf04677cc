// Package feishu holds the test server of Feishu against the vendor's own client library for Go, which is a module of its own here
// since it is large.
package feishu

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	larkcore "github.com/larksuite/oapi-sdk-go/v3/core"
	larkevent "github.com/larksuite/oapi-sdk-go/v3/event"
	"github.com/larksuite/oapi-sdk-go/v3/event/dispatcher"
	larkim "github.com/larksuite/oapi-sdk-go/v3/service/im/v1"
	larkws "github.com/larksuite/oapi-sdk-go/v3/ws"

	"github.com/carapace-gateway/carapace/builtin-plugins/feishu/feishutest"
)

// client is the library's for messages.
func client(t *testing.T, root string) *larkim.V1 {
	t.Helper()
	config := &larkcore.Config{BaseUrl: root, AppId: feishutest.DefaultAppID, AppSecret: feishutest.DefaultAppSecret, EnableTokenCache: true, AppType: larkcore.AppTypeSelfBuilt}
	larkcore.NewLogger(config)
	larkcore.NewCache(config)
	larkcore.NewSerialization(config)
	larkcore.NewHttpClient(config)
	return larkim.New(config)
}

const card = `{"schema":"2.0","config":{"update_multi":true},"body":{"elements":[{"tag":"markdown","content":"**one**"},
	{"tag":"button","type":"primary","text":{"tag":"plain_text","content":"Yes"},"behaviors":[{"type":"callback","value":{"choice":"v.0"}}]}]}}`

// TestMessages: a card is sent, known when it comes again, changed, answered, reacted to and taken back.
func TestMessages(t *testing.T) {
	s := feishutest.New(feishutest.Config{})
	t.Cleanup(func() { _ = s.Close() })
	root, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Meet("ou_ada", "Ada")
	im, ctx := client(t, root), t.Context()
	send := larkim.NewCreateMessageReqBuilder().ReceiveIdType("open_id").Body(larkim.NewCreateMessageReqBodyBuilder().
		ReceiveId("ou_ada").MsgType("interactive").Content(card).Uuid("u1").Build()).Build()
	first, err := im.Message.Create(ctx, send)
	if err != nil || !first.Success() {
		t.Fatal(first, err)
	}
	id := *first.Data.MessageId
	if again, err := im.Message.Create(ctx, send); err != nil || *again.Data.MessageId != id {
		t.Errorf("%+v %v", again, err)
	}
	patch, err := im.Message.Patch(ctx, larkim.NewPatchMessageReqBuilder().MessageId(id).Body(larkim.NewPatchMessageReqBodyBuilder().Content(card).Build()).Build())
	if err != nil || !patch.Success() {
		t.Errorf("%+v %v", patch, err)
	}
	reply, err := im.Message.Reply(ctx, larkim.NewReplyMessageReqBuilder().MessageId(id).Body(larkim.NewReplyMessageReqBodyBuilder().
		MsgType("text").Content(`{"text":"hi"}`).ReplyInThread(true).Build()).Build())
	if err != nil || !reply.Success() {
		t.Fatal(reply, err)
	}
	update, err := im.Message.Update(ctx, larkim.NewUpdateMessageReqBuilder().MessageId(*reply.Data.MessageId).Body(larkim.NewUpdateMessageReqBodyBuilder().
		MsgType("text").Content(`{"text":"hello"}`).Build()).Build())
	if err != nil || !update.Success() {
		t.Errorf("%+v %v", update, err)
	}
	reaction, err := im.MessageReaction.Create(ctx, larkim.NewCreateMessageReactionReqBuilder().MessageId(id).Body(larkim.NewCreateMessageReactionReqBodyBuilder().
		ReactionType(larkim.NewEmojiBuilder().EmojiType("THUMBSUP").Build()).Build()).Build())
	if err != nil || !reaction.Success() || *reaction.Data.ReactionId == "" {
		t.Errorf("%+v %v", reaction, err)
	}
	gone, err := im.Message.Delete(ctx, larkim.NewDeleteMessageReqBuilder().MessageId(id).Build())
	if err != nil || !gone.Success() {
		t.Errorf("%+v %v", gone, err)
	}
	if gone, err = im.Message.Delete(ctx, larkim.NewDeleteMessageReqBuilder().MessageId(id).Build()); err != nil || gone.Code != 230011 {
		t.Errorf("%+v %v", gone, err)
	}
	if sent := s.Sent(); len(sent) != 1 || sent[0].Text != "hello" || !sent[0].InThread || sent[0].ReplyTo != id {
		t.Errorf("%+v", sent)
	}
}

// TestFiles: a picture goes and a file comes.
func TestFiles(t *testing.T) {
	s := feishutest.New(feishutest.Config{})
	t.Cleanup(func() { _ = s.Close() })
	root, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	im, ctx := client(t, root), t.Context()
	file, err := im.File.Create(ctx, larkim.NewCreateFileReqBuilder().Body(larkim.NewCreateFileReqBodyBuilder().
		FileType("pdf").FileName("a.pdf").File(bytes.NewReader([]byte("a document"))).Build()).Build())
	if err != nil || !file.Success() || *file.Data.FileKey == "" {
		t.Errorf("%+v %v", file, err)
	}
	key := ""
	s.Direct(func(body string) bool {
		var call struct {
			Event struct{ Message struct{ Content string } }
		}
		var content struct {
			Key string `json:"file_key"`
		}
		_ = json.Unmarshal([]byte(body), &call)
		_ = json.Unmarshal([]byte(call.Event.Message.Content), &content)
		key = content.Key
		return true
	})
	id := s.Write(feishutest.Said{From: "ou_ada", Type: "file", Content: map[string]any{"file_name": "b.txt"}, File: []byte("a text")})
	if err := s.Wait(ctx, func() bool { return s.Pending() == 0 }); err != nil {
		t.Fatal(err)
	}
	got, err := im.MessageResource.Get(ctx, larkim.NewGetMessageResourceReqBuilder().MessageId(id).FileKey(key).Type("file").Build())
	if err != nil || !got.Success() {
		t.Fatal(got, err)
	}
	if text, _ := io.ReadAll(got.File); string(text) != "a text" {
		t.Errorf("%q", text)
	}
}

// TestCalls: what the webhook is called with, the library opens, and finds signed as it signs itself.
func TestCalls(t *testing.T) {
	s := feishutest.New(feishutest.Config{})
	t.Cleanup(func() { _ = s.Close() })
	events := make(chan []byte, 1)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var sealed larkevent.EventEncryptMsg
		if err := json.Unmarshal(body, &sealed); err != nil {
			t.Error(err)
		}
		plain, err := larkevent.EventDecrypt(sealed.Encrypt, feishutest.DefaultEncryptKey)
		if err != nil {
			t.Error(err)
		}
		var fuzzy larkevent.EventFuzzy
		if err := json.Unmarshal(plain, &fuzzy); err != nil {
			t.Error(err)
		}
		if larkevent.ReqType(fuzzy.Type) == larkevent.ReqTypeChallenge {
			_ = json.NewEncoder(w).Encode(map[string]string{"challenge": fuzzy.Challenge})
			return
		}
		want := larkevent.Signature(r.Header.Get(larkevent.EventRequestTimestamp), r.Header.Get(larkevent.EventRequestNonce), feishutest.DefaultEncryptKey, string(body))
		if got := r.Header.Get(larkevent.EventSignature); got != want || fuzzy.Header.Token != feishutest.DefaultVerificationToken {
			t.Errorf("%s, want %s", got, want)
		}
		events <- plain
	}))
	t.Cleanup(hook.Close)
	if err := s.Webhook(t.Context(), hook.URL, nil); err != nil {
		t.Fatal(err)
	}
	s.Say("ou_ada", "hello")
	var event larkim.P2MessageReceiveV1
	if err := json.Unmarshal(<-events, &event); err != nil || *event.Event.Message.ChatType != "p2p" || *event.Event.Sender.SenderId.OpenId != "ou_ada" || *event.Event.Message.Content != `{"text":"hello"}` {
		t.Errorf("%+v %v", event.Event, err)
	}
}

// TestConnection: the library opens a connection, is told of messages in one packet and in two, answers, and pings.
func TestConnection(t *testing.T) {
	s := feishutest.New(feishutest.Config{})
	t.Cleanup(func() { _ = s.Close() })
	root, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Meet("ou_ada", "Ada")
	said := make(chan string, 2)
	handler := dispatcher.NewEventDispatcher("", "").OnP2MessageReceiveV1(func(_ context.Context, e *larkim.P2MessageReceiveV1) error {
		said <- *e.Event.Message.Content
		return nil
	})
	client := larkws.NewClient(feishutest.DefaultAppID, feishutest.DefaultAppSecret, larkws.WithEventHandler(handler), larkws.WithDomain(root))
	go func() { _ = client.Start(t.Context()) }() // it never ends
	s.Say("ou_ada", "one")
	if got := <-said; got != `{"text":"one"}` {
		t.Errorf("said %s", got)
	}
	s.Split(true)
	s.Say("ou_ada", "é two")
	if got := <-said; got != `{"text":"é two"}` {
		t.Errorf("said %s", got)
	}
	if err := s.Wait(t.Context(), func() bool { return s.Pending() == 0 && s.Pings() > 0 }); err != nil {
		t.Error(err)
	}
}
