package kernel_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/builtin-plugins/telegram/botapitest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
)

// stock boots a kernel with the built-in plugins as WebAssembly.
func stock(t *testing.T, options ...kerneltest.Option) *kerneltest.Kernel {
	t.Helper()
	options = append([]kerneltest.Option{kerneltest.Bundled(t, "../builtin-plugins"), kerneltest.Compiled(t)}, options...)
	return kerneltest.Start(t, options...)
}

// TestStockAnswersAtOnce: with nothing configured the gateway converses, counts and knows the time.
func TestStockAnswersAtOnce(t *testing.T) {
	t.Parallel()
	l := stock(t).Listen()
	if got := l.Ask("r1", "what is 17*23?"); !strings.Contains(got, "391") {
		t.Errorf("17*23: %q", got)
	}
	if got := l.Ask("r2", "what time is it?"); !strings.Contains(got, ":") {
		t.Errorf("the time: %q", got)
	}
	if got := l.Ask("r3", "My brother never calls me."); !strings.Contains(got, "family") {
		t.Errorf("%q", got)
	}
	tools := map[string]bool{}
	for _, e := range l.Events() {
		var a chat.AgentEvent
		if e.Name == "agent" && json.Unmarshal(e.Payload, &a) == nil && a.Stream == "tool" {
			tools[fmt.Sprint(a.Data["name"])] = true
		}
	}
	if !tools["calc"] || !tools["time"] {
		t.Errorf("tools used: %v", tools)
	}
	for _, id := range []string{"eliza", "calc"} { // which says so once its first call has ended
		l.Event("plugins.changed", func(b json.RawMessage) bool {
			var is struct{ ID, State string }
			return json.Unmarshal(b, &is) == nil && is.ID == id && is.State == "ready"
		})
	}
	var status struct {
		Plugins []struct {
			ID, State string
			Stock     bool
		}
	}
	l.MustCall("plugins.status", nil, &status)
	states := map[string]string{}
	for _, p := range status.Plugins {
		states[p.ID] = p.State
	}
	if len(states) != 33 || states["klatt"] == "ready" || states["eliza"] != "ready" || states["calc"] != "ready" || states["telegram"] == "ready" {
		t.Errorf("what is not used is not compiled: %v", states)
	}
}

// completions is a server of chat completions whose behaviour is asked for in the prompt.
func completions(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != "Bearer sk-test" {
		http.Error(w, `{"error":{"message":"Incorrect API key provided","code":"invalid_api_key"}}`, http.StatusUnauthorized)
		return
	}
	if r.URL.Path == "/v1/models" {
		fmt.Fprint(w, `{"data":[{"id":"gpt-test"},{"id":"gpt-other"}]}`)
		return
	}
	var body struct {
		Model    string
		Stream   bool
		Messages []struct {
			Role    string
			Content json.RawMessage
		}
	}
	b, _ := io.ReadAll(r.Body)
	if err := json.Unmarshal(b, &body); err != nil || !body.Stream || body.Model != "gpt-test" || len(body.Messages) == 0 {
		http.Error(w, `{"error":{"message":"bad request"}}`, http.StatusBadRequest)
		return
	}
	last := body.Messages[len(body.Messages)-1]
	said := string(last.Content)
	if i := strings.LastIndex(said, `\n`); i >= 0 {
		said = said[i:] // what was said before, and not answered, stands in the same message
	}
	event := func(data string) {
		fmt.Fprintf(w, "data: %s\n\n", data)
		w.(http.Flusher).Flush()
	}
	text := func(s string) { event(fmt.Sprintf(`{"choices":[{"index":0,"delta":{"content":%q}}]}`, s)) }
	switch {
	case last.Role == "tool":
		text("The result is " + strings.Trim(said, `"`) + ".")
	case strings.Contains(said, "use a tool"):
		event(`{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c1","function":{"name":"calc","arguments":"{\"expr"}}]}}]}`)
		event(`{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"ession\":\"6*7\"}"}}]}}]}`)
		event(`{"choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}`)
		event(`[DONE]`)
		return
	case strings.Contains(said, "be garbage"):
		event(`<html>maintenance</html>`)
		return
	case strings.Contains(said, "fail in the stream"):
		text("I begin")
		event(`{"error":{"message":"the model caught fire"}}`)
		return
	case strings.Contains(said, "break off"):
		text("I begin")
		panic(http.ErrAbortHandler)
	case strings.Contains(said, "be overloaded"):
		http.Error(w, `{"error":{"message":"overloaded"}}`, http.StatusInternalServerError)
		return
	case strings.Contains(said, "be too much"):
		w.Header().Set("Retry-After", "3600")
		http.Error(w, `{"error":{"message":"Rate limit reached"}}`, http.StatusTooManyRequests)
		return
	default:
		text("Hello ")
		text("there.")
	}
	event(`{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`)
	event(`{"choices":[],"usage":{"prompt_tokens":20,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":8}}}`)
	event(`[DONE]`)
}

// TestACompletionsServer: streaming, tools, usage, and each way in which a server can fail, through the
// real plugin and the real egress.
func TestACompletionsServer(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(completions))
	t.Cleanup(server.Close)
	k := stock(t, kerneltest.Config(t, fmt.Sprintf(`{"plugins":{"openai":{"config":{"baseUrl":"%s/v1","model":"gpt-test"}}}}`, server.URL)))
	l := k.Listen()
	key := func(value string) {
		t.Helper()
		l.MustCall("plugins.configure", map[string]any{"id": "openai", "secrets": map[string]string{"api_key": value}}, nil)
	}
	key("sk-wrong")
	l.Send("wrong key", "hi")
	if end := l.End("wrong key"); end.State != "error" || strings.Contains(end.ErrorMessage, "sk-wrong") {
		t.Errorf("a wrong key: %+v", end)
	} else {
		t.Logf("wrong key: %s", end.ErrorMessage)
	}
	key("sk-test")
	if got := l.Ask("hello", "hello"); got != "Hello there." {
		t.Errorf("%q", got)
	}
	if u := l.End("hello").Usage; u == nil || u.Input != 12 || u.Output != 5 || u.CacheRead != 8 {
		t.Errorf("usage %+v", u)
	}
	if got := l.Ask("tool", "please use a tool"); got != "The result is 42." {
		t.Errorf("%q", got)
	}
	fails := func(prompt, want string) {
		t.Helper()
		l.Send(prompt, prompt)
		if end := l.End(prompt); end.State != "error" || !strings.Contains(end.ErrorMessage, want) || end.ErrorMessage == "" {
			t.Errorf("%s: %+v", prompt, end)
		} else {
			t.Logf("%s: %s", prompt, end.ErrorMessage)
		}
	}
	fails("be garbage", "baseUrl")
	fails("fail in the stream", "the model caught fire")
	if got := l.Ask("break off", "break off"); !strings.HasPrefix(got, "I begin") || !strings.Contains(got, "broke off") {
		t.Errorf("what was shown is kept, and marked: %q", got)
	}
	if got := l.Ask("after", "hello"); got != "Hello there." {
		t.Errorf("afterwards: %q", got)
	}
	var models struct {
		Models []struct{ ID, Provider string }
	}
	l.MustCall("models.list", nil, &models)
	if s := fmt.Sprint(models); !strings.Contains(s, "gpt-test") || !strings.Contains(s, "gpt-other") || !strings.Contains(s, "eliza") {
		t.Errorf("models: %s", s)
	}
	fails("be too much", "Rate limit reached")
	fails("hello, too soon", "left alone for 1h0m: openai: too many requests")
	l.MustCall("models.test", json.RawMessage(`{"model":"openai/gpt-test"}`), nil) // it works, so it does not rest any more
	if got := l.Ask("at last", "hello"); got != "Hello there." {
		t.Errorf("at last: %q", got)
	}
}

// telegram starts a Bot API server and says how to configure the account for it.
func telegram(t *testing.T, c botapitest.Config, more string) (*botapitest.Server, kerneltest.Option) {
	t.Helper()
	s := botapitest.New(c)
	root, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, kerneltest.Config(t, fmt.Sprintf(`{"channels":{"telegram":{"accounts":{"default":{"dmPolicy":"open","groupPolicy":"open","config":{"apiRoot":%q%s}}}}}}`, root, more))
}

// setBotToken gives the account its credential.
func setBotToken(l *kerneltest.Listener, s *botapitest.Server) {
	l.MustCall("plugins.configure", map[string]any{"id": "telegram", "account": "default", "secrets": map[string]string{"botToken": s.Token()}}, nil)
}

func person(id int64) botapitest.User {
	return botapitest.User{ID: id, FirstName: fmt.Sprint("Person ", id), Username: fmt.Sprint("person", id)}
}

// replies waits until the chat shows n messages of the bot and returns them.
func replies(t *testing.T, s *botapitest.Server, chat int64, n int) []botapitest.Message {
	t.Helper()
	var found []botapitest.Message
	ctx, cancel := context.WithTimeout(t.Context(), kerneltest.Patience)
	defer cancel()
	err := s.Wait(ctx, func() bool {
		found = nil
		for _, m := range s.Messages(chat) {
			if m.From != nil && m.From.IsBot {
				found = append(found, m)
			}
		}
		return len(found) >= n
	})
	if err != nil {
		t.Fatalf("chat %d shows %d messages of the bot, not %d: %+v", chat, len(found), n, found)
	}
	return found
}

// TestTelegramByPoll: people talk to a bot in direct chats and a group while the server limits it, cuts
// it off and repeats itself. Each gets one answer, without what looks like a key.
func TestTelegramByPoll(t *testing.T) {
	t.Parallel()
	s, config := telegram(t, botapitest.Config{}, "")
	k := stock(t, config)
	l := k.Listen()
	setBotToken(l, s)
	s.DM(person(1), "what is 17*23?")
	if got := replies(t, s, 1, 1); !strings.Contains(got[0].Text, "391") {
		t.Errorf("%+v", got)
	}
	s.Fail(botapitest.Fault{Method: "sendMessage", Code: 429, RetryAfter: 1}, botapitest.Fault{Method: "getUpdates", Code: 502}, botapitest.Fault{Method: "getUpdates", Cut: true})
	s.DM(person(2), "what is 2+2?")
	if got := replies(t, s, 2, 1); !strings.Contains(got[0].Text, "4") {
		t.Errorf("%+v", got)
	}
	s.Redeliver(2)
	group := botapitest.Chat{ID: -100, Type: "supergroup", Title: "Friends"}
	s.Say(botapitest.Message{From: new(person(3)), Chat: group, Text: "what is 1+1?"})
	s.Say(botapitest.Message{From: new(person(3)), Chat: group, Text: "@" + s.Bot().Username + " what is 3*3?"})
	if got := replies(t, s, -100, 1); !strings.Contains(got[0].Text, "9") {
		t.Errorf("%+v", got)
	}
	l.MustCall("send", map[string]any{"channel": "telegram", "to": "1", "message": "**Careful**: sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGH", "idempotencyKey": "s1"}, nil)
	got := replies(t, s, 1, 2)
	if text := got[1].Text; strings.Contains(text, "abcdefghijklmnop") || !strings.HasPrefix(text, "Careful") {
		t.Errorf("the hook let through %q", text)
	}
	for chat, n := range map[int64]int{1: 2, 2: 1, -100: 1} {
		if got := replies(t, s, chat, n); len(got) != n {
			t.Errorf("chat %d has %d messages of the bot, want %d", chat, len(got), n)
		}
	}
	var status struct {
		ChannelAccounts map[string][]map[string]any
	}
	l.MustCall("channels.status", map[string]any{}, &status)
	if len(status.ChannelAccounts["telegram"]) != 1 || status.ChannelAccounts["telegram"][0]["connected"] != true {
		t.Errorf("%+v", status)
	}
	if logged := strings.Join(k.Logged(), "\n"); strings.Contains(logged, s.Token()) {
		t.Error("the bot's token was logged")
	}
}

// TestTelegramByWebhook: the same by webhook; what does not authenticate is not taken.
func TestTelegramByWebhook(t *testing.T) {
	t.Parallel()
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: "kernel"}) }}
	public := httptest.NewServer(proxy)
	t.Cleanup(public.Close)
	hook := public.URL + "/plugins/telegram/default/"
	s, config := telegram(t, botapitest.Config{WebhookDelay: 50 * time.Millisecond}, fmt.Sprintf(`,"mode":"webhook","webhookUrl":%q`, hook))
	k := stock(t, config)
	proxy.Transport = k.HTTP().Transport
	k.Listen().MustCall("plugins.configure", map[string]any{"id": "telegram", "account": "default",
		"secrets": map[string]string{"botToken": s.Token(), "webhookSecret": "hook-secret"}}, nil)
	for i := range int64(3) {
		s.DM(person(i+1), fmt.Sprintf("what is 100+%d?", i))
		if got := replies(t, s, i+1, 1); !strings.Contains(got[0].Text, fmt.Sprint(100+i)) {
			t.Errorf("%+v", got)
		}
	}
	for secret, body := range map[string]string{"": `{}`, "wrong": `{}`, "hook-secret": `garbage`} {
		req, err := http.NewRequestWithContext(t.Context(), "POST", hook, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Telegram-Bot-Api-Secret-Token", secret)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if ok := res.StatusCode < 300; ok && secret != "hook-secret" || res.StatusCode >= 500 {
			t.Errorf("secret %q, body %s: %s", secret, body, res.Status)
		}
	}
	s.DM(person(9), "what is 5+5?")
	if got := replies(t, s, 9, 1); !strings.Contains(got[0].Text, "10") {
		t.Errorf("%+v", got)
	}
}

// TestWhatAStockPluginLacks though the module that it shares has it for others: it is as if the module had it not.
func TestWhatAStockPluginLacks(t *testing.T) {
	t.Parallel()
	k := stock(t)
	got := posted(t, k, 400, "/v1/embeddings", `{"model":"eliza/small","input":"a"}`)
	if text, _ := at(got, "error", "message").(string); !strings.Contains(text, "no provider makes vectors") {
		t.Errorf("%v", got)
	}
	var list struct{ Voices []any }
	k.Listen().MustCall("tts.voices", object{"provider": "klatt"}, &list)
	if len(list.Voices) != 3 {
		t.Errorf("%+v", list)
	}
}
