package botapitest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/builtin-plugins/telegram/botapitest"
)

type answer struct {
	OK          bool            `json:"ok"`
	Result      json.RawMessage `json:"result"`
	ErrorCode   int             `json:"error_code"`
	Description string          `json:"description"`
	Parameters  struct {
		RetryAfter      int   `json:"retry_after"`
		MigrateToChatID int64 `json:"migrate_to_chat_id"`
	} `json:"parameters"`
}

type client struct {
	t    *testing.T
	root string
}

func serve(t *testing.T, cfg botapitest.Config) (*botapitest.Server, client) {
	t.Helper()
	s := botapitest.New(cfg)
	root, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, client{t, root + "/bot" + s.Token() + "/"}
}

func (c client) call(method string, form url.Values) answer {
	c.t.Helper()
	resp, err := http.PostForm(c.root+method, form)
	if err != nil {
		c.t.Fatal(err)
	}
	return decode(c.t, resp)
}

func decode(t *testing.T, resp *http.Response) answer {
	t.Helper()
	defer resp.Body.Close()
	var a answer
	if err := json.NewDecoder(resp.Body).Decode(&a); err != nil {
		t.Fatal(err)
	}
	if !a.OK && a.ErrorCode != resp.StatusCode {
		t.Errorf("status %d with error_code %d", resp.StatusCode, a.ErrorCode)
	}
	return a
}

func (c client) updates(form url.Values) []map[string]json.RawMessage {
	c.t.Helper()
	a := c.call("getUpdates", form)
	var list []map[string]json.RawMessage
	if err := json.Unmarshal(a.Result, &list); err != nil {
		c.t.Fatalf("%v in %+v", err, a)
	}
	return list
}

var ada = botapitest.User{ID: 7, FirstName: "Ada", Username: "ada"}

func form(kv ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(kv); i += 2 {
		v.Set(kv[i], kv[i+1])
	}
	return v
}

func TestErrors(t *testing.T) {
	s, c := serve(t, botapitest.Config{})
	s.DM(ada, "hi")
	s.Block(8, "bot was blocked by the user")
	s.AddChat(botapitest.Chat{ID: 8, Type: "private"})
	s.AddChat(botapitest.Chat{ID: -5, Type: "group"})
	s.Migrate(-5, -1005)
	for _, test := range []struct {
		method string
		form   url.Values
		code   int
		want   string
	}{
		{"nonsense", nil, 404, "Not Found: method not found"},
		{"sendMessage", form("chat_id", "7"), 400, "Bad Request: message text is empty"},
		{"sendMessage", form("chat_id", "7", "text", " \n"), 400, "Bad Request: message text is empty"},
		{"sendMessage", form("text", "x"), 400, "Bad Request: chat_id is empty"},
		{"sendMessage", form("chat_id", "99", "text", "x"), 400, "Bad Request: chat not found"},
		{"sendMessage", form("chat_id", "@nobody", "text", "x"), 400, "Bad Request: chat not found"},
		{"sendMessage", form("chat_id", "8", "text", "x"), 403, "Forbidden: bot was blocked by the user"},
		{"sendMessage", form("chat_id", "-5", "text", "x"), 400, "Bad Request: group chat was upgraded to a supergroup chat"},
		{"sendMessage", form("chat_id", "7", "text", strings.Repeat("é", 4097)), 400, "Bad Request: message is too long"},
		{"sendMessage", form("chat_id", "7", "text", strings.Repeat("🏟", 2049)), 400, "Bad Request: message is too long"},
		{"sendMessage", form("chat_id", "7", "text", "x", "parse_mode", "XML"), 400, "Bad Request: unsupported parse_mode"},
		{"sendMessage", form("chat_id", "7", "text", "x", "reply_to_message_id", "77"), 400, "Bad Request: message to be replied not found"},
		{"sendMessage", form("chat_id", "7", "text", "x", "message_thread_id", "3"), 400, "Bad Request: message thread not found"},
		{"editMessageText", form("chat_id", "7", "message_id", "99", "text", "x"), 400, "Bad Request: message to edit not found"},
		{"editMessageText", form("chat_id", "7", "message_id", "1", "text", "x"), 400, "Bad Request: message can't be edited"},
		{"deleteMessage", form("chat_id", "7", "message_id", "99"), 400, "Bad Request: message to delete not found"},
		{"setMessageReaction", form("chat_id", "7", "message_id", "1", "reaction", `[{"type":"emoji","emoji":"x"}]`), 400, "Bad Request: REACTION_INVALID"},
		{"getFile", form("file_id", "?"), 400, "Bad Request: wrong file_id or the file is temporarily unavailable"},
		{"answerCallbackQuery", form("callback_query_id", "1"), 400, "Bad Request: query is too old and response timeout expired or query ID is invalid"},
		{"sendPhoto", form("chat_id", "7"), 400, "Bad Request: there is no photo in the request"},
		{"sendChatAction", form("chat_id", "7", "action", "dancing"), 400, "Bad Request: wrong parameter action in request"},
	} {
		a := c.call(test.method, test.form)
		if a.OK || a.ErrorCode != test.code || a.Description != test.want {
			t.Errorf("%s %v: got %d %q, want %d %q", test.method, test.form, a.ErrorCode, a.Description, test.code, test.want)
		}
	}
	if a := c.call("sendMessage", form("chat_id", "-5", "text", "x")); a.Parameters.MigrateToChatID != -1005 {
		t.Errorf("migrate_to_chat_id = %d", a.Parameters.MigrateToChatID)
	}
	resp, err := http.Get(strings.Replace(c.root, s.Token(), "1:wrong", 1) + "getMe")
	if err != nil {
		t.Fatal(err)
	}
	if a := decode(t, resp); a.ErrorCode != 401 || a.Description != "Unauthorized" {
		t.Errorf("wrong token: %+v", a)
	}
}

func TestParameterStyles(t *testing.T) {
	s, c := serve(t, botapitest.Config{})
	s.DM(ada, "hi")
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	_ = w.WriteField("chat_id", "7")
	_ = w.WriteField("text", "three")
	_ = w.Close()
	resp1, err1 := http.Get(c.root + "SENDMESSAGE?chat_id=7&text=one")
	resp2, err2 := http.Post(c.root+"sendMessage", "application/json; charset=utf-8", strings.NewReader(`{"chat_id":7,"text":"two","disable_notification":true}`))
	resp3, err3 := http.Post(c.root+"sendMessage", w.FormDataContentType(), &body)
	for i, err := range []error{err1, err2, err3} {
		if err != nil {
			t.Fatal(i, err)
		}
	}
	for i, resp := range []*http.Response{resp1, resp2, resp3} {
		if a := decode(t, resp); !a.OK {
			t.Errorf("style %d: %+v", i+1, a)
		}
	}
	sent := s.Sent()
	if len(sent) != 3 || sent[0].Message.Text != "one" || !sent[1].Silent || sent[2].Message.Text != "three" {
		t.Errorf("sent %+v", sent)
	}
}

func TestUpdatesAreConfirmedByOffset(t *testing.T) {
	s, c := serve(t, botapitest.Config{})
	for _, text := range []string{"a", "b", "c", "d"} {
		s.DM(ada, text)
	}
	first := c.updates(form("limit", "2"))
	again := c.updates(form("limit", "2"))
	if len(first) != 2 || string(first[0]["update_id"]) != string(again[0]["update_id"]) {
		t.Fatalf("unconfirmed updates did not come again: %v, %v", first, again)
	}
	if rest := c.updates(form("offset", "100002")); len(rest) != 2 || s.Pending() != 2 {
		t.Fatalf("after confirming two: %v, pending %d", rest, s.Pending())
	}
	if last := c.updates(form("offset", "-1")); len(last) != 1 || s.Pending() != 1 {
		t.Fatalf("negative offset: %v", last)
	}
	if all := c.updates(form("offset", "999999999")); len(all) != 1 {
		t.Errorf("an offset beyond every update confirmed something: %v", all)
	}
	if none := c.updates(form("offset", "100004")); len(none) != 0 || s.Pending() != 0 {
		t.Errorf("all confirmed: %v, pending %d", none, s.Pending())
	}
	s.Redeliver(2)
	if repeated := c.updates(nil); len(repeated) != 2 {
		t.Errorf("redelivered %v", repeated)
	}
}

func TestRetention(t *testing.T) {
	s, c := serve(t, botapitest.Config{Retention: time.Nanosecond})
	s.DM(ada, "old")
	if got := c.updates(nil); len(got) != 0 {
		t.Errorf("expired updates came: %v", got)
	}
}

func TestAllowedUpdates(t *testing.T) {
	s, c := serve(t, botapitest.Config{})
	m := s.DM(ada, "hi")
	s.React(7, m.MessageID, ada, nil, []string{"👍"}) // not in the default set
	if got := c.updates(form("allowed_updates", `["message_reaction"]`)); len(got) != 1 {
		t.Fatalf("default set: %v", got)
	}
	s.DM(ada, "not wanted")
	s.React(7, m.MessageID, ada, nil, []string{"👍"})
	got := c.updates(form("offset", "100001"))
	if len(got) != 1 || got[0]["message_reaction"] == nil {
		t.Errorf("named set: %v", got)
	}
}

func TestLongPollAndConflict(t *testing.T) {
	s, c := serve(t, botapitest.Config{})
	first := make(chan answer, 1)
	go func() { first <- c.call("getUpdates", form("timeout", "30")) }()
	if err := s.Wait(t.Context(), s.Polling); err != nil {
		t.Fatal(err)
	}
	second := make(chan []map[string]json.RawMessage, 1)
	go func() { second <- c.updates(form("timeout", "30")) }()
	if a := <-first; a.ErrorCode != 409 || !strings.HasPrefix(a.Description, "Conflict: terminated by other getUpdates") {
		t.Errorf("first poll: %+v", a)
	}
	s.DM(ada, "wake up")
	if got := <-second; len(got) != 1 {
		t.Errorf("second poll: %v", got)
	}
}

func TestWebhook(t *testing.T) {
	type post struct{ secret, body string }
	posts := make(chan post, 10)
	fail := 2
	hook := http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		posts <- post{r.Header.Get("X-Telegram-Bot-Api-Secret-Token"), string(body)}
		if fail > 0 {
			fail--
			w.WriteHeader(500)
		}
	})}
	at := listen(t, &hook)
	s, c := serve(t, botapitest.Config{WebhookDelay: time.Millisecond})
	s.DM(ada, "dropped")
	if a := c.call("setWebhook", form("url", at, "secret_token", "no spaces")); a.ErrorCode != 400 {
		t.Errorf("bad secret: %+v", a)
	}
	if a := c.call("setWebhook", form("url", at, "secret_token", "s3cret", "drop_pending_updates", "true")); !a.OK {
		t.Fatalf("%+v", a)
	}
	if a := c.call("getUpdates", nil); a.ErrorCode != 409 {
		t.Errorf("poll beside a webhook: %+v", a)
	}
	s.DM(ada, "one")
	for range 3 {
		if p := <-posts; p.secret != "s3cret" || !strings.Contains(p.body, `"text":"one"`) {
			t.Errorf("posted %+v", p)
		}
	}
	if err := s.Wait(t.Context(), func() bool { return s.Pending() == 0 }); err != nil {
		t.Fatal(err)
	}
	var info botapitest.WebhookInfo
	_ = json.Unmarshal(c.call("getWebhookInfo", nil).Result, &info)
	if info.URL != at || !strings.HasPrefix(info.LastErrorMessage, "Wrong response from the webhook: 500") {
		t.Errorf("info %+v", info)
	}
	c.call("deleteWebhook", nil)
	if a := c.call("getUpdates", nil); !a.OK {
		t.Errorf("poll after deleteWebhook: %+v", a)
	}
}

func TestLimits(t *testing.T) {
	s, c := serve(t, botapitest.Config{ChatInterval: time.Hour, GlobalRate: 1})
	s.DM(ada, "hi")
	s.DM(botapitest.User{ID: 9, FirstName: "Bob"}, "hi")
	if a := c.call("sendMessage", form("chat_id", "7", "text", "1")); !a.OK {
		t.Fatalf("%+v", a)
	}
	if a := c.call("sendMessage", form("chat_id", "7", "text", "2")); a.ErrorCode != 429 || a.Parameters.RetryAfter != 3600 || a.Description != "Too Many Requests: retry after 3600" {
		t.Errorf("second to one chat: %+v", a)
	}
	if a := c.call("sendMessage", form("chat_id", "9", "text", "3")); a.ErrorCode != 429 || a.Parameters.RetryAfter != 1 {
		t.Errorf("second in a second: %+v", a)
	}
	if n := len(s.Sent()); n != 1 {
		t.Errorf("%d messages were sent", n)
	}
}

// TestFaultsOfFiles: a file that is fetched fails in the ways in which a call does.
func TestFaultsOfFiles(t *testing.T) {
	s, c := serve(t, botapitest.Config{})
	f := s.AddFile(botapitest.File{FileName: "f.txt"}, []byte("content"))
	var known botapitest.File
	if err := json.Unmarshal(c.call("getFile", form("file_id", f.FileID)).Result, &known); err != nil {
		t.Fatal(err)
	}
	url := strings.Replace(c.root, "/bot", "/file/bot", 1) + known.FilePath
	once := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // the default one asks again after a cut
	s.Fail(
		botapitest.Fault{Method: "file", CutAfter: true},
		botapitest.Fault{Method: "file", Cut: true},
		botapitest.Fault{Method: "file", Code: 502},
	)
	for _, cut := range []string{"cut after", "cut"} {
		if resp, err := once.Get(url); err == nil {
			resp.Body.Close()
			t.Errorf("%s: answered with %d", cut, resp.StatusCode)
		}
	}
	for _, want := range []int{502, 200} {
		resp, err := once.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("got %d, want %d", resp.StatusCode, want)
		}
	}
}

func TestFaults(t *testing.T) {
	s, c := serve(t, botapitest.Config{})
	s.DM(ada, "hi")
	s.Fail(
		botapitest.Fault{Method: "sendMessage", Code: 502, Times: 2},
		botapitest.Fault{Method: "sendMessage", Body: "<html>"},
		botapitest.Fault{Method: "sendMessage", Cut: true},
		botapitest.Fault{Method: "sendMessage", CutAfter: true},
	)
	send := form("chat_id", "7", "text", "x")
	for range 2 {
		if a := c.call("sendMessage", send); a.ErrorCode != 502 {
			t.Errorf("%+v", a)
		}
	}
	if a := c.call("getMe", nil); !a.OK {
		t.Errorf("another method failed: %+v", a)
	}
	resp, err := http.PostForm(c.root+"sendMessage", send)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if string(body) != "<html>" {
		t.Errorf("garbage %q", body)
	}
	for i, sent := range []int{0, 1} {
		if resp, err := http.PostForm(c.root+"sendMessage", send); err == nil {
			resp.Body.Close()
			t.Errorf("cut %d was answered", i)
		}
		if n := len(s.Sent()); n != sent {
			t.Errorf("after cut %d: %d sent, want %d", i, n, sent)
		}
	}
	if a := c.call("sendMessage", send); !a.OK {
		t.Errorf("after the faults: %+v", a)
	}
}

func TestFilesRoundTrip(t *testing.T) {
	s, c := serve(t, botapitest.Config{})
	s.DM(ada, "hi")
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	_ = w.WriteField("chat_id", "7")
	_ = w.WriteField("caption", "<b>cap</b>")
	_ = w.WriteField("parse_mode", "HTML")
	f, _ := w.CreateFormFile("document", "notes.txt")
	_, _ = f.Write([]byte("contents"))
	_ = w.Close()
	resp, err := http.Post(c.root+"sendDocument", w.FormDataContentType(), &body)
	if err != nil {
		t.Fatal(err)
	}
	if a := decode(t, resp); !a.OK {
		t.Fatalf("%+v", a)
	}
	m := s.Sent()[0].Message
	if m.Caption != "cap" || len(m.CaptionEntities) != 1 || m.Document == nil || m.Document.FileName != "notes.txt" {
		t.Fatalf("sent %+v", m)
	}
	var got botapitest.File
	if err := json.Unmarshal(c.call("getFile", form("file_id", m.Document.FileID)).Result, &got); err != nil {
		t.Fatal(err)
	}
	at := strings.Replace(c.root, "/bot", "/file/bot", 1) + got.FilePath
	resp, err = http.Get(at)
	if err != nil {
		t.Fatal(err)
	}
	data, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if string(data) != "contents" || !strings.HasSuffix(at, ".txt") {
		t.Errorf("downloaded %q from %s", data, at)
	}
}

func TestEditDeleteReply(t *testing.T) {
	s, c := serve(t, botapitest.Config{})
	in := s.DM(ada, "question")
	a := c.call("sendMessage", form("chat_id", "7", "text", "one", "reply_parameters", `{"message_id":1}`))
	var m botapitest.Message
	if err := json.Unmarshal(a.Result, &m); err != nil {
		t.Fatal(err)
	}
	if m.ReplyToMessage == nil || m.ReplyToMessage.MessageID != in.MessageID {
		t.Errorf("reply to %+v", m.ReplyToMessage)
	}
	edit := form("chat_id", "7", "message_id", "2", "text", "two")
	if a := c.call("editMessageText", edit); !a.OK {
		t.Errorf("%+v", a)
	}
	if a := c.call("editMessageText", edit); a.ErrorCode != 400 || !strings.HasPrefix(a.Description, "Bad Request: message is not modified") {
		t.Errorf("same edit again: %+v", a)
	}
	if a := c.call("deleteMessage", form("chat_id", "7", "message_id", "2")); !a.OK {
		t.Errorf("%+v", a)
	}
	if list := s.Messages(7); len(list) != 1 {
		t.Errorf("chat shows %+v", list)
	}
	if a := c.call("sendMessage", form("chat_id", "7", "text", "x", "reply_parameters", `{"message_id":2,"allow_sending_without_reply":true}`)); !a.OK {
		t.Errorf("reply to what is gone: %+v", a)
	}
}

func TestControl(t *testing.T) {
	s, c := serve(t, botapitest.Config{})
	hook := http.Server{Handler: s.Control()}
	at := listen(t, &hook)
	resp, err := http.Post(at+"/say", "application/json", strings.NewReader(`{"from":{"id":7,"first_name":"Ada"},"text":"/start now"}`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	got := c.updates(nil)
	if len(got) != 1 || !strings.Contains(string(got[0]["message"]), `"bot_command"`) {
		t.Errorf("updates %v", got)
	}
	resp, err = http.Post(at+"/fail", "application/json", strings.NewReader(`{"code":500}`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if a := c.call("getMe", nil); a.ErrorCode != 500 {
		t.Errorf("%+v", a)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := s.Wait(ctx, func() bool { return false }); err == nil {
		t.Error("Wait did not end with its context")
	}
}
