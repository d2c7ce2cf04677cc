package kernel_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/wit"
)

// account configures the channel chat with one account on a platform; access is further fields.
func account(t *testing.T, p *kerneltest.Platform, access string) kerneltest.Option {
	t.Helper()
	return kerneltest.Config(t, fmt.Sprintf(`{"channels":{"chat":{"accounts":{"home":{"config":{"root":%q}%s}}}}}`, p.URL, access))
}

const openToAll = `,"dmPolicy":"open"`

// setToken gives the account its credential.
func setToken(l *kerneltest.Listener) {
	l.MustCall("plugins.configure", map[string]any{"id": "chat", "account": "home", "secrets": map[string]string{"token": "platform-token"}}, nil)
}

// TestAMessageIsAnsweredOnItsChannel: what a person says on a platform becomes a run that clients watch,
// and its answer goes out through the hook and past a platform that wants it slower, once.
func TestAMessageIsAnsweredOnItsChannel(t *testing.T) {
	t.Parallel()
	p := kerneltest.NewPlatform(t)
	polite := kerneltest.Hook("polite", wit.HookNameMessageSending, func(_ context.Context, e *wit.HookEvent) (*wit.HookDecision, error) {
		var m wit.MessageSending
		if err := wit.Unmarshal(e.Event, &m); err != nil {
			return nil, err
		}
		b, err := json.Marshal(map[string]string{"text": strings.ReplaceAll(m.Text, "darn", "heck,")})
		return &wit.HookDecision{Modify: b}, err
	})
	k := kerneltest.Start(t, account(t, p, openToAll), kerneltest.Plugin(kerneltest.Channel("chat"), kerneltest.Echo("echo"), polite))
	l := k.Listen()
	setToken(l)
	p.Refuse(2, http.StatusTooManyRequests)
	p.Say("ann", "darn it")
	p.Answered("you said: heck, it")
	posts := p.Posts()
	if len(posts) != 3 || posts[0].Key == "" || posts[0].Key != posts[1].Key || posts[1].Key != posts[2].Key {
		t.Errorf("three attempts at one message have one key: %+v", posts)
	}
	if got := posts[2]; got.To != "ann" || got.Authorization != "Bearer platform-token" {
		t.Errorf("%+v", got)
	}
	end := l.End("")
	if end.State != "final" || kerneltest.Text(end.Message) != "you said: darn it" {
		t.Errorf("the client saw %+v", end)
	}
	l.Event("message.delivered", func(json.RawMessage) bool { return true })
	// A client's own words go to the platform too.
	l.MustCall("send", map[string]any{"channel": "chat", "to": "bob", "message": "good morning", "idempotencyKey": "s1"}, nil)
	l.MustCall("send", map[string]any{"channel": "chat", "to": "bob", "message": "good morning", "idempotencyKey": "s1"}, nil)
	p.Answered("good morning")
	p.Say("ann", "again")
	p.Answered("you said: again")
	if n := count(p.Posts(), "good morning"); n != 1 {
		t.Errorf("%d good mornings for one key", n)
	}
}

func count(posts []kerneltest.Post, text string) (n int) {
	for _, q := range posts {
		if q.Text == text && !q.Refused {
			n++
		}
	}
	return n
}

// TestAStrangerPairs: who is not known gets a code and nothing else, until the owner approves it.
func TestAStrangerPairs(t *testing.T) {
	t.Parallel()
	p := kerneltest.NewPlatform(t)
	k := kerneltest.Start(t, account(t, p, ""), kerneltest.Plugin(kerneltest.Channel("chat"), kerneltest.Echo("echo")))
	l := k.Listen()
	setToken(l)
	p.Say("eve", "let me in")
	posts := p.Until("eve gets a code", func(posts []kerneltest.Post) bool { return len(posts) > 0 })
	code := regexp.MustCompile(`\b[A-Z0-9]{8}\b`).FindString(posts[0].Text)
	if code == "" || posts[0].To != "eve" {
		t.Fatalf("%+v", posts[0])
	}
	var pending struct {
		Requests []struct{ RequestID, SenderID string }
	}
	l.MustCall("channels.pairing.list", map[string]any{}, &pending)
	if len(pending.Requests) != 1 || pending.Requests[0].RequestID != code || pending.Requests[0].SenderID != "eve" {
		t.Errorf("%+v", pending)
	}
	if err := l.Call(t.Context(), "channels.pairing.approve", map[string]any{"channel": "chat", "code": "WRONGONE"}, nil); wit.CodeOf(err) != wit.CodeNotFound {
		t.Errorf("a wrong code: %v", err)
	}
	l.MustCall("channels.pairing.approve", map[string]any{"channel": "chat", "code": strings.ToLower(code), "notify": true}, nil)
	p.Say("eve", "hello")
	p.Answered("you said: hello")
	if count(p.Posts(), "you said: let me in") != 0 {
		t.Error("what was said before the approval was answered")
	}
	l.MustCall("channels.pairing.revoke", map[string]any{"channel": "chat", "accountId": "home", "senderId": "eve"}, nil)
	before := len(p.Posts())
	p.Say("eve", "still there?")
	posts = p.Until("eve gets a code again", func(posts []kerneltest.Post) bool { return len(posts) > before })
	if strings.HasPrefix(posts[before].Text, "you said") {
		t.Errorf("revoked, and yet: %+v", posts[before])
	}
	// The platform and the client hear of an answer each in their own time.
	l.Until("the answer's event", func(events []client.Event) bool {
		return slices.ContainsFunc(events, func(e client.Event) bool { return e.Name == "chat" })
	})
	if chats := l.Chats(""); len(chats) == 0 || strings.Contains(fmt.Sprint(chats), "let me in") {
		t.Errorf("%+v", chats)
	}
}

// TestInAGroupTheBotIsAddressed: other talk is not answered but is known when the bot is asked; a group
// that is not listed gets nothing.
func TestInAGroupTheBotIsAddressed(t *testing.T) {
	t.Parallel()
	p := kerneltest.NewPlatform(t)
	var asked []wit.Chat
	brain := kerneltest.Provider("brain", func(_ context.Context, c *wit.Chat) (*wit.ProviderAnswer, error) {
		asked = append(asked, *c)
		return kerneltest.Says("pizza"), nil
	})
	k := kerneltest.Start(t, account(t, p, `,"groups":["g1"]`), kerneltest.Plugin(kerneltest.Channel("chat"), brain))
	setToken(k.Listen())
	in := func(group, person, text string, mentioned bool) {
		p.Message(wit.Message{Conversation: wit.Conversation{Kind: wit.ConversationKindGroup, ID: group}, Sender: wit.Person{ID: person}, Text: text, Mentioned: mentioned})
	}
	in("g2", "ann", "bot, hello", true)
	in("g1", "ann", "I could eat", false)
	in("g1", "bob", "me too", false)
	in("g1", "bob", "what shall we eat, bot?", true)
	posts := p.Until("the bot answers", func(posts []kerneltest.Post) bool { return len(posts) > 0 })
	if len(posts) != 1 || posts[0].To != "g1" || posts[0].Text != "pizza" {
		t.Errorf("%+v", posts)
	}
	if len(asked) != 1 {
		t.Fatalf("the model was asked %d times", len(asked))
	}
	prompt := string(wit.Marshal(&asked[0]))
	for _, want := range []string{"I could eat", "me too", "what shall we eat"} {
		if !strings.Contains(prompt, want) {
			t.Errorf("the model does not know %q: %s", want, prompt)
		}
	}
}

// TestAWebhookIsADoor: what authenticates is taken and committed before it is acknowledged, a repetition
// is taken once, and everything else is turned away while the gateway goes on.
func TestAWebhookIsADoor(t *testing.T) {
	t.Parallel()
	p := kerneltest.NewPlatform(t)
	hooked := kerneltest.Channel("chat", func(m *wit.Manifest) {
		m.Provides.Channel.Webhook = &wit.WebhookFacts{Auth: wit.WebhookAuthHeader, Header: new("X-Secret"), Credential: new("token"), MaxBody: 4096}
	})
	k := kerneltest.Start(t, account(t, p, openToAll), kerneltest.Plugin(hooked, kerneltest.Echo("echo")))
	l := k.Listen()
	post := func(path, secret, body string) int {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), "POST", "http://kernel"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if secret != "" {
			req.Header.Set("X-Secret", secret)
		}
		res, err := k.HTTP().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil || strings.Contains(string(b), "platform-token") {
			t.Errorf("%s %v", b, err)
		}
		return res.StatusCode
	}
	message := `{"id":"w1","kind":"text","conversation":{"kind":"direct","id":"ann"},"sender":{"id":"ann"},"text":"by webhook"}`
	const path = "/plugins/chat/home/in"
	if got := post(path, "platform-token", message); got != http.StatusForbidden {
		t.Errorf("before the credential is set: %d", got)
	}
	setToken(l)
	for _, c := range []struct {
		path, secret, body string
		status             int
	}{
		{path, "", message, 401},
		{path, "wrong", message, 401},
		{"/plugins/chat/nobody/in", "platform-token", message, 404},
		{"/plugins/none/home/in", "platform-token", message, 404},
		{path, "platform-token", strings.Repeat("x", 5000), 413},
		{path, "platform-token", "no JSON", 400},
		{path, "platform-token", message, 200},
		{path, "platform-token", message, 200},
	} {
		if got := post(c.path, c.secret, c.body); got != c.status {
			t.Errorf("%s %q %.20q: %d, want %d", c.path, c.secret, c.body, got, c.status)
		}
	}
	p.Answered("you said: by webhook")
	p.Say("ann", "after it")
	p.Answered("you said: after it")
	if n := count(p.Posts(), "you said: by webhook"); n != 1 {
		t.Errorf("answered %d times", n)
	}
}

// TestAChannelUpgradesBetweenTwoMessages: people go on talking while the plugin is replaced again and
// again, once by one that cannot handle a message; each message is answered once.
func TestAChannelUpgradesBetweenTwoMessages(t *testing.T) {
	t.Parallel()
	p := kerneltest.NewPlatform(t)
	source := new(plugintest.Memory)
	source.Put(kerneltest.Channel("chat"))
	k := kerneltest.Start(t, account(t, p, openToAll), kerneltest.Source(source), kerneltest.Plugin(kerneltest.Echo("echo")))
	l := k.Listen()
	setToken(l)
	const messages = 60
	for i := range messages {
		p.Say(fmt.Sprint("person ", i%5), fmt.Sprint("message ", i))
		if i%10 == 5 {
			next := kerneltest.Channel("chat", func(m *wit.Manifest) { m.Version = fmt.Sprintf("1.%d.0", i) })
			if i == 35 {
				next.Exports["channel_event"] = func(context.Context, []byte) ([]byte, error) { panic("a bug") }
			}
			source.Put(next)
			p.Answered(fmt.Sprint("you said: message ", i))
		}
	}
	for i := range messages {
		p.Answered(fmt.Sprint("you said: message ", i))
	}
	for i := range messages {
		if n := count(p.Posts(), fmt.Sprint("you said: message ", i)); n != 1 {
			t.Errorf("message %d was answered %d times", i, n)
		}
	}
}
