package chat_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/carapace-gateway/carapace/kernel/service/agent"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
	"github.com/carapace-gateway/carapace/kernel/service/chat/chattest"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/wit"
)

// Clients of protocol 3 hear of a session as they wrote it, those of 4 by its key.
func TestEventsNameTheSessionAsItWasSaid(t *testing.T) {
	for _, said := range []string{"x", "agent:main:x", "Main", "agent:MAIN:X"} {
		synctest.Test(t, func(t *testing.T) {
			w := chattest.NewWorld(t)
			p := w.Start(nil)
			p.Must("chat.send", obj{"sessionKey": said, "message": "hi", "idempotencyKey": "r"})
			key := p.Wait("r").Session
			synctest.Wait() // the end is recorded before it is told
			chats, agents := w.Chats("r", ""), w.Agents("r", "")
			if len(chats) < 2 || len(agents) < 3 {
				t.Fatalf("%d and %d events", len(chats), len(agents))
			}
			for _, e := range chats {
				if three, four := e.Version(3).(chat.Event).SessionKey, e.Version(4).(chat.Event).SessionKey; string(three) != said || four != key {
					t.Errorf("said %q: %q and %q", said, three, four)
				}
			}
			for _, e := range agents {
				if three, four := e.Version(3).(chat.AgentEvent).SessionKey, e.Version(4).(chat.AgentEvent).SessionKey; string(three) != said || four != key {
					t.Errorf("said %q: %q and %q", said, three, four)
				}
			}
			if h := p.Must("chat.history", obj{"sessionKey": said}); h["sessionKey"] != said {
				t.Errorf("history of %v", h["sessionKey"])
			}
		})
	}
}

// A run that takes too long was stopped, for protocol 3, and failed, for 4.
func TestTimeoutOfARun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		w.Feed() // the model says nothing
		p := w.Start(nil)
		p.Must("chat.send", obj{"sessionKey": "main", "message": "hi", "timeoutMs": 1000, "idempotencyKey": "r"})
		p.Wait("r")
		synctest.Wait()
		last := w.Chats("r", "aborted")
		if len(last) != 1 {
			t.Fatalf("events %+v", w.Chats("r", ""))
		}
		if three := last[0].Version(3).(chat.Event); three.State != "aborted" || three.StopReason != "timeout" {
			t.Errorf("protocol 3: %+v", three)
		}
		if four := last[0].Version(4).(chat.Event); four.State != "error" || four.ErrorKind != "timeout" || four.ErrorMessage == "" {
			t.Errorf("protocol 4: %+v", four)
		}
	})
}

// Clients hear of each message that the history has, in its order and under its number.
func TestMessagesAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		chattest.Script(w, chattest.Ask(chattest.Call("c", "pay", `{}`)), chattest.Say("ok"))
		p := w.Start(nil)
		p.Send("r1", "go")
		p.Wait("r1")
		p.Must("chat.inject", obj{"sessionKey": "main", "message": "note"})
		p.Send("r2", "/whoami")
		p.Wait("r2")
		synctest.Wait()
		want := "1 user: go\n2 assistant: pay\n3 toolResult: pay ok {}\n4 assistant: ok\n5 assistant: note\n6 user: /whoami\n7 assistant: A client of the gateway\nSession: agent:main:main"
		if got := strings.Join(w.Told(), "\n"); got != want {
			t.Errorf("told\n%s\nwant\n%s", got, want)
		}
		if n := len(w.Messages(chattest.MainKey)); n != 7 {
			t.Errorf("the history has %d", n)
		}
	})
}

// What a user said has its run's key, in the history and while it waits.
func TestUserMessagesHaveAKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		p := w.Start(nil)
		p.Send("r1", "hi")
		p.Wait("r1")
		w.Feed()
		p.Send("r2", "go on")
		p.Send("r3", "and on")
		synctest.Wait()
		h := p.Must("chat.history", obj{"sessionKey": "main"})
		list := h["messages"].([]any)
		if first, second := list[0].(obj), list[1].(obj); first["idempotencyKey"] != "r1:user" || second["idempotencyKey"] != nil {
			t.Errorf("history %v", list)
		}
		if waits := h["pendingInputs"].(obj)["items"].([]any)[0].(obj)["message"].(obj); waits["idempotencyKey"] != "r3:user" {
			t.Errorf("what waits %v", waits)
		}
	})
}

// A message whose texts a page has cut can be read whole, and only in its own conversation.
func TestAMessageIsReadWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		p := w.Start(nil)
		long := strings.Repeat("long ", 1000)
		p.Send("r1", long)
		p.Wait("r1")
		page := p.Must("chat.history", obj{"sessionKey": "main", "maxChars": 10})["messages"].([]any)[0].(obj)
		if said := page["content"].([]any)[0].(obj)["text"]; said != "long long …" {
			t.Fatalf("the page has %q", said)
		}
		get := func(params obj) (ok bool, text any, reason any) {
			got := p.Must("chat.message.get", params)
			if m, there := got["message"].(obj); there {
				text = m["content"].([]any)[0].(obj)["text"]
			}
			return got["ok"].(bool), text, got["unavailableReason"]
		}
		if ok, text, _ := get(obj{"sessionKey": "main", "messageId": page["id"]}); !ok || text != long {
			t.Errorf("whole: %v %.40v", ok, text)
		}
		if ok, text, _ := get(obj{"sessionKey": "main", "messageId": page["id"], "maxChars": 4}); !ok || text != "long…" {
			t.Errorf("cut: %v %v", ok, text)
		}
		p.Must("chat.inject", obj{"sessionKey": "main", "message": "by the way"})
		id, _, _ := strings.Cut(page["id"].(string), ".")
		for _, missing := range []obj{
			{"sessionKey": "other", "messageId": page["id"]}, {"sessionKey": "main", "messageId": "nonsense"}, {"sessionKey": "main", "messageId": id + ".0"},
			{"sessionKey": "main", "messageId": id + ".99"}, {"sessionKey": "main", "messageId": "00000000-0000-4000-8000-000000000000.1"},
		} {
			if ok, text, reason := get(missing); ok || text != nil || reason != "not_found" {
				t.Errorf("%v: %v %v %v", missing, ok, text, reason)
			}
		}
	})
}

func TestHistoryWithinBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		p := w.Start(nil)
		for i := range 3 {
			p.Send(fmt.Sprint("r", i), strings.Repeat("x", 3000))
			p.Wait(fmt.Sprint("r", i))
		}
		h := p.Must("chat.history", obj{"sessionKey": "main", "maxBytes": 8000})
		if n := len(h["messages"].([]any)); n != 2 || h["hasMore"] != true || h["nextOffset"] != 2.0 {
			t.Errorf("%d messages, %v %v", n, h["hasMore"], h["nextOffset"])
		}
		h = p.Must("chat.history", obj{"sessionKey": "main", "maxBytes": 1})
		if n := len(h["messages"].([]any)); n != 1 {
			t.Errorf("%d messages; a page has at least one", n)
		}
	})
}

func TestAgentsNameTheirModel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		p := w.Start(nil)
		first := func() obj { return p.Must("agents.list", nil)["agents"].([]any)[0].(obj) }
		if a := first(); a["model"].(obj)["primary"] != "mock/mock-1" {
			t.Errorf("agent %v", a)
		}
		w.Settings = agent.Settings{Agents: []agent.Agent{{ID: "main", Model: "mock/other"}}}
		if a := first(); a["model"].(obj)["primary"] != "mock/other" {
			t.Errorf("agent %v", a)
		}
		w.Settings = agent.Settings{Model: "nobody/m"}
		if a := first(); a["model"] != nil {
			t.Errorf("agent %v", a)
		}
	})
}

// A model is found by its id alone, as models.list shows it.
func TestModelWithoutItsProvider(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		p := w.Start(nil)
		p.Must("agent", obj{"message": "hi", "model": "mock-1", "idempotencyKey": "r"})
		if r := p.Wait("r"); r.Model != "mock/mock-1" || r.State != run.Done {
			t.Errorf("run %+v", r)
		}
		if e := p.Must("sessions.patch", obj{"key": "main", "model": "mock-1"})["entry"].(obj); e["modelProvider"] != "mock" || e["model"] != "mock-1" {
			t.Errorf("entry %v", e)
		}
		p.Send("c", "/model mock-1")
		if r := p.Wait("c"); r.Answer != "The model is mock/mock-1 now." {
			t.Errorf("answer %q", r.Answer)
		}
		if _, err := p.Call("sessions.patch", obj{"key": "main", "model": "mock-2"}); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("an unknown model: %v", err)
		}
	})
}

func TestThink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		p := w.Start(nil)
		for i, c := range []struct{ say, answer, level string }{
			{"/think", "Thinking is off", "off"},
			{"/think high", "Thinking is high now.", "high"},
			{"/think", "Thinking is high", "high"},
			{"/think: LOW", "Thinking is low now.", "low"},
			{"/think hard", "I do not know that level. There are off, minimal,", "low"},
			{"/think default", "Thinking is as configured again.", "off"},
		} {
			id := fmt.Sprint("r", i)
			p.Send(id, c.say)
			if r := p.Wait(id); !strings.HasPrefix(r.Answer, c.answer) {
				t.Errorf("%s: %q, want %q", c.say, r.Answer, c.answer)
			}
			if h := p.Must("chat.history", obj{"sessionKey": "main"}); h["thinkingLevel"] != c.level {
				t.Errorf("%s: level %v, want %s", c.say, h["thinkingLevel"], c.level)
			}
		}
		if n := len(w.Model.Requests()); n != 0 {
			t.Errorf("the model was asked %d times", n)
		}
	})
}

// Nobody but the agents that there are is asked.
func TestUnknownAgents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		w.Settings = agent.Settings{Agents: []agent.Agent{{ID: "main"}, {ID: "ops"}}}
		p := w.Start(nil)
		for _, c := range []struct {
			method string
			params obj
			want   string
		}{
			{"chat.send", obj{"sessionKey": "main", "agentId": "nobody"}, `unknown agent id "nobody"`},
			{"chat.send", obj{"sessionKey": "agent:nobody:main"}, `unknown agent id "nobody"`},
			{"chat.send", obj{"sessionKey": "agent:ops:main", "agentId": "main"}, `does not match session key agent "ops"`},
			{"agent", obj{"agentId": "nobody"}, `unknown agent id "nobody"`},
			{"agent", obj{"agentId": "nobody", "to": "7"}, `unknown agent id "nobody"`},
			{"agent", obj{"sessionKey": "agent:nobody:x"}, `unknown agent id "nobody"`},
			{"agent", obj{"sessionKey": "agent:ops:x", "agentId": "main"}, `does not match session key agent "ops"`},
			{"models.list", obj{"agentId": "nobody"}, `unknown agent id "nobody"`},
			{"models.list", obj{"sessionKey": "agent:nobody:x"}, `unknown agent id "nobody"`},
			{"agent.identity.get", obj{"sessionKey": "agent:nobody:x"}, `unknown agent id "nobody"`},
			{"agent.identity.get", obj{"sessionKey": "agent:ops:x", "agentId": "main"}, `does not match session key agent "ops"`},
			{"chat.history", obj{"sessionKey": "agent:nobody:x"}, `unknown agent id "nobody"`},
			{"chat.history", obj{"sessionKey": "main", "agentId": "nobody"}, `unknown agent id "nobody"`},
			{"chat.abort", obj{"sessionKey": "agent:nobody:x"}, `unknown agent id "nobody"`},
			{"sessions.describe", obj{"key": "agent:nobody:x"}, `unknown agent id "nobody"`},
			{"sessions.list", obj{"agentId": "nobody"}, `unknown agent id "nobody"`},
			{"agent.identity.get", obj{"agentId": "nobody"}, `unknown agent id "nobody"`},
			{"sessions.patch", obj{"key": "agent:nobody:x", "label": "l"}, `unknown agent id "nobody"`},
			{"sessions.reset", obj{"key": "agent:nobody:x"}, `unknown agent id "nobody"`},
		} {
			if c.method == "chat.send" || c.method == "agent" {
				c.params["message"], c.params["idempotencyKey"] = "hi", "k"
			}
			if _, err := p.Call(c.method, c.params); wit.CodeOf(err) != wit.CodeInvalid || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s %v: %v, want %s", c.method, c.params, err, c.want)
			}
		}
		p.Must("chat.send", obj{"sessionKey": "agent:ops:main", "agentId": "ops", "message": "hi", "idempotencyKey": "r"})
		if r := p.Wait("r"); r.Session != "agent:ops:main" || r.State != run.Done {
			t.Errorf("run %+v", r)
		}
		ask := func(key, expected string) error {
			_, err := p.Call("agent", obj{"sessionKey": "agent:ops:main", "message": "hi", "idempotencyKey": key, "expectedExistingSessionId": expected})
			return err
		}
		if err := ask("r2", "another"); wit.CodeOf(err) != wit.CodeConflict {
			t.Errorf("a run in another history: %v", err)
		}
		id := p.Must("sessions.describe", obj{"key": "agent:ops:main"})["session"].(obj)["sessionId"].(string)
		if err := ask("r3", id); err != nil {
			t.Errorf("a run in the history that is expected: %v", err)
		}
		if list := p.Must("sessions.list", nil); list["count"] != 1.0 {
			t.Errorf("sessions of unknown agents were made: %v", list)
		}
	})
}

// A delivery that cannot be made is refused before anything runs.
func TestDeliveryThatCannotBeMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		p := w.Start(nil)
		for _, c := range []struct {
			params obj
			code   wit.Code
		}{
			{obj{"channel": "telegram", "to": "7"}, wit.CodeInvalid},
			{obj{"channel": "telegram"}, wit.CodeInvalid},
			{obj{"channel": "nosuch"}, wit.CodeInvalid},
			{obj{"channel": "chat", "to": "7", "accountId": "other"}, wit.CodeInvalid},
			{obj{"replyChannel": "telegram", "replyTo": "7"}, wit.CodeInvalid},
			{obj{"channel": "chat"}, wit.CodeNotFound},
			{obj{"channel": "last"}, wit.CodeNotFound},
			{obj{}, wit.CodeNotFound},
		} {
			c.params["message"], c.params["deliver"], c.params["idempotencyKey"] = "hi", true, "k"
			if out, err := p.Call("agent", c.params); wit.CodeOf(err) != c.code {
				t.Errorf("%v: %v, %v, want %s", c.params, out, err, c.code)
			}
		}
		_, err := p.Call("chat.send", obj{"sessionKey": "main", "message": "hi", "deliver": true, "originatingChannel": "telegram", "originatingTo": "7", "idempotencyKey": "k"})
		if wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("chat.send: %v", err)
		}
		if n := len(w.Model.Requests()); n != 0 {
			t.Errorf("the model was asked %d times", n)
		}
		p.Must("agent", obj{"message": "hi", "deliver": true, "bestEffortDeliver": true, "idempotencyKey": "b"})
		p.Must("agent", obj{"message": "hi", "deliver": true, "channel": "chat", "to": "7", "idempotencyKey": "c"})
		if got := w.Sent(); got["c"] != "you said: hi" || got["b"] != "" {
			t.Errorf("sent %v", got)
		}
	})
}

// A job that has nobody to deliver to is run, and says so.
func TestJobThatCannotBeDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		p := w.Start(nil)
		for id, j := range map[string]run.Job{"last": {Channel: "last"}, "none": {}, "elsewhere": {Channel: "telegram", To: "7"}} {
			j.ID, j.Session, j.Message, j.Deliver = id, "cron:"+id, "report", true
			out, err := p.Runs.Do(context.Background(), j)
			if err != nil || out.Run.Answer != "you said: report" || out.Undelivered == nil {
				t.Errorf("%s: %+v, %v", id, out, err)
			}
		}
	})
}
