package kernel_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
)

// question is what the plugin asker asks the gateway for: an import, and its parameter.
type question struct {
	Call  string `json:"call"`
	Param any    `json:"param"`
}

// asker is a plugin that asks for what it is told to: its tool by its arguments, and its hooks and later calls by the
// questions that are given here. What comes of them goes to answers, which may be nil.
func asker(permissions wit.Permissions, hooks map[wit.HookName]question, answers chan<- string) plugintest.Fake {
	f := kerneltest.Tool("asker", func(ctx context.Context, c *wit.ToolInvocation) (*wit.ToolOutput, error) {
		var q struct {
			Call  string
			Param json.RawMessage
		}
		if err := json.Unmarshal(c.Args, &q); err != nil {
			return nil, err
		}
		return &wit.ToolOutput{Content: []wit.Part{{Text: new(said(plugintest.CallHost(ctx, q.Call, q.Param)))}}}, nil
	})
	f.Manifest.Permissions = permissions
	for name := range hooks {
		f.Manifest.Provides.Hooks = append(f.Manifest.Provides.Hooks, wit.HookFacts{Name: name, Deadline: 5000})
	}
	if len(hooks) == 0 {
		return f
	}
	f.Exports["hook_handle"] = kerneltest.Export(func(ctx context.Context, e *wit.HookEvent) (*wit.HookDecision, error) {
		q := hooks[e.Name]
		answers <- said(plugintest.CallHost(ctx, q.Call, encoded(q.Param)))
		return &wit.HookDecision{}, nil
	})
	return f
}

func encoded(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// said is an answer in words.
func said(out []byte, err error) string {
	if err != nil {
		return "error: " + string(wit.CodeOf(err)) + ": " + err.Error()
	}
	return string(out)
}

// ask has the plugin ask for something, by no run.
func ask(l *kerneltest.Listener, call string, param any) string {
	var answer plugin.CallResult
	l.MustCall("plugins.call", plugin.CallParams{ID: "asker", Tool: "asker", Args: encoded(question{call, param})}, &answer)
	return *answer.Content[0].Text
}

type fields = map[string]any

// messaging is the permission to send, through these channels.
func messaging(channels ...string) wit.Permissions {
	return wit.Permissions{MessageSend: &wit.MessagePermission{Reason: "to write", Channels: channels}}
}

// TestPluginsSendMessages to a conversation that they name, or to where a session was last spoken to, each key once.
func TestPluginsSendMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, reach := kerneltest.NewMemoryPlatform(t)
		polite := kerneltest.Hook("polite", wit.HookNameMessageSending, func(_ context.Context, e *wit.HookEvent) (*wit.HookDecision, error) {
			var m wit.MessageSending
			if err := wit.Unmarshal(e.Event, &m); err != nil {
				return nil, err
			}
			return &wit.HookDecision{Modify: encoded(fields{"text": m.Text + ", please"})}, nil
		})
		k := kerneltest.Start(t, reach, account(t, p, openToAll), kerneltest.Plugin(kerneltest.Channel("chat"), kerneltest.Echo("echo"), asker(messaging(), nil, nil), polite))
		l := k.Listen()
		setToken(l)
		p.Say("ann", "hi")
		p.Answered("you said: hi, please")
		for _, m := range []fields{
			{"to": "bob", "text": "named", "idempotencyKey": "1"},
			{"to": "bob", "channel": "chat", "account": "home", "text": "named again", "idempotencyKey": "1"},
			{"session": "agent:main:chat:dm:ann", "text": "by session", "idempotencyKey": "2"},
		} {
			if got, want := ask(l, "message_send", m), fmt.Sprintf(`{"delivery":"plugin:asker:%s"}`, m["idempotencyKey"]); got != want {
				t.Errorf("%v: %s", m, got)
			}
		}
		time.Sleep(time.Minute)
		var posts []string
		for _, post := range p.Posts()[1:] {
			posts = append(posts, post.To+" "+post.Text)
		}
		slices.Sort(posts) // what goes to different people has no order
		if got := strings.Join(posts, "|"); got != "ann by session, please|bob named, please" {
			t.Errorf("posted %s", got)
		}
	})
}

// TestRefusedMessages: what a plugin may not send, and what nobody could, is refused in words that say why.
func TestRefusedMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, reach := kerneltest.NewMemoryPlatform(t)
		k := kerneltest.Start(t, reach, account(t, p, openToAll), kerneltest.Plugin(kerneltest.Channel("chat"), kerneltest.Echo("echo"), asker(messaging("other"), nil, nil)))
		l := k.Listen()
		setToken(l)
		synctest.Wait()
		for want, m := range map[string]fields{
			`forbidden: plugin asker: the permission messageSend is not granted for "chat": add it to permissions.messageSend.channels`: {"to": "bob", "text": "x", "idempotencyKey": "1"},
			"invalid: message: unsupported channel: nowhere":                                        {"channel": "nowhere", "to": "bob", "text": "x", "idempotencyKey": "1"},
			"not_found: there is no session agent:main:nobody":                                      {"session": "nobody", "text": "x", "idempotencyKey": "1"},
			`invalid: "agent:x" is not a session key`:                                               {"session": "agent:x", "text": "x", "idempotencyKey": "1"},
			"invalid: to, session: give one of them":                                                {"text": "x", "idempotencyKey": "1"},
			"invalid: idempotencyKey: is missing":                                                   {"to": "bob", "text": "x"},
			"too_large: text":                                                                       {"to": "bob", "text": strings.Repeat("x", 65537), "idempotencyKey": "1"},
			`forbidden: plugin asker: permission media is not granted: add "media": {"reason": "…"`: {"to": "bob", "attachments": []string{"m"}, "idempotencyKey": "1"},
		} {
			if got := ask(l, "message_send", m); !strings.HasPrefix(got, "error: "+want) {
				t.Errorf("%v:\n got  %s\n want %s", m, got, want)
			}
		}
	})
}

// TestWhoMayNotSendMessages: what is pure, what messages wait for, and a hook that would be asked about its own message.
func TestWhoMayNotSendMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, reach := kerneltest.NewMemoryPlatform(t)
		answers := make(chan string, 100)
		sends := question{"message_send", fields{"to": "bob", "text": "x", "idempotencyKey": "1"}}
		hooks := asker(messaging(), map[wit.HookName]question{wit.HookNameMessageSending: sends, wit.HookNameMessageSent: sends}, answers)
		// A channel and a provider that ask within their own exports.
		asking := func(f plugintest.Fake, export string) plugintest.Fake {
			f.Manifest.Permissions.MessageSend = messaging().MessageSend
			does := f.Exports[export]
			f.Exports[export] = func(ctx context.Context, in []byte) ([]byte, error) {
				answers <- said(plugintest.CallHost(ctx, sends.Call, encoded(sends.Param)))
				return does(ctx, in)
			}
			return f
		}
		chat := asking(asking(kerneltest.Channel("chat"), "channel_send"), "channel_event")
		k := kerneltest.Start(t, reach, account(t, p, openToAll), kerneltest.Plugin(chat, asking(kerneltest.Echo("echo"), "provider_request"), hooks))
		setToken(k.Listen())
		p.Say("ann", "hi")
		time.Sleep(time.Minute)
		k.Stop()
		close(answers)
		seen := map[string]bool{}
		for a := range answers {
			if !strings.HasPrefix(a, "error: forbidden: message: ") {
				t.Errorf("answered %s", a)
			}
			for _, what := range []string{"channel_event", "channel_send", "provider_request", "message_sending", "message_sent"} {
				seen[what] = seen[what] || strings.Contains(a, what)
			}
		}
		if len(seen) != 5 || len(p.Posts()) != 1 {
			t.Errorf("refused to %v; posted %v", seen, p.Posts())
		}
	})
}

// TestMessagesHaveARate.
func TestMessagesHaveARate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, reach := kerneltest.NewMemoryPlatform(t)
		k := kerneltest.Start(t, reach, account(t, p, openToAll), kerneltest.Plugin(kerneltest.Channel("chat"), asker(messaging(), nil, nil)))
		l := k.Listen()
		setToken(l)
		sent := 0
		for i := range wit.LimitMessageBurst + 5 {
			got := ask(l, "message_send", fields{"to": "bob", "text": "x", "idempotencyKey": fmt.Sprint(i)})
			if !strings.HasPrefix(got, "error: ") {
				sent++
			} else if !strings.HasPrefix(got, "error: rate_limited: message") {
				t.Error(got)
			}
		}
		if sent != wit.LimitMessageBurst {
			t.Errorf("%d were sent", sent)
		}
	})
}

// TestAMessageOfAJobIsSentOnce, whichever transaction of the gateway is its last one: a job that was not seen to end
// comes again, and its message is the same one.
func TestAMessageOfAJobIsSentOnce(t *testing.T) {
	atEachTransaction(t, jobOnce)
}

// atEachTransaction has a gateway die at each transaction in turn. once lets one die at the first, 0 never, and returns how many
// there were.
func atEachTransaction(t *testing.T, once func(t *testing.T, first int) (transactions int)) {
	t.Helper()
	total := once(t, 0)
	if total < 10 {
		t.Fatalf("there are %d transactions", total)
	}
	for first := 1; first <= total; first++ {
		once(t, first)
	}
}

// jobOnce lets a gateway die at a transaction, 0 never, and the next one go on. It returns how many there were.
func jobOnce(t *testing.T, first int) (transactions int) {
	synctest.Test(t, func(t *testing.T) {
		p, reach := kerneltest.NewMemoryPlatform(t)
		disk, keyring := storetest.NewFaulty(store.OpenMemory()), kerneltest.Keyring{}
		permissions := messaging()
		permissions.Schedule = &wit.Permission{Reason: "to wait"}
		start := func() *kerneltest.Kernel {
			f := asker(permissions, nil, nil)
			f.Exports["schedule_fire"] = kerneltest.Export(func(ctx context.Context, f *wit.Firing) (*wit.Done, error) {
				_, err := plugintest.CallHost(ctx, "message_send", encoded(fields{"to": "bob", "text": "it is time", "idempotencyKey": f.ID}))
				return &wit.Done{OK: true}, err
			})
			return kerneltest.Start(t, kerneltest.Store(disk, keyring), reach, account(t, p, ""), kerneltest.Plugin(kerneltest.Channel("chat"), f))
		}
		k := start()
		l := k.Listen()
		setToken(l)
		if got := ask(l, "schedule_set", fields{"id": "tea", "at": time.Now().Add(time.Minute).UnixMilli()}); strings.HasPrefix(got, "error") {
			t.Fatal(got)
		}
		disk.Fail("", 0, 0)
		if first > 0 {
			disk.Fail(storetest.FaultCommit, first, 1_000_000)
		}
		time.Sleep(2 * time.Minute)
		transactions = disk.Transactions()
		k.Stop()
		disk.Fail("", 0, 0)
		k = start()
		time.Sleep(10 * time.Minute)
		k.Stop()
		arrived := 0
		for _, post := range p.Posts() {
			if !post.Repeated {
				arrived++
			}
		}
		if arrived != 1 {
			t.Errorf("the gateway died at transaction %d: posted %+v", first, p.Posts())
		}
	})
	return transactions
}
