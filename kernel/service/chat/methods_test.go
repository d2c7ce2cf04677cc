package chat_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service/agent"
	"github.com/carapace-gateway/carapace/kernel/service/chat/chattest"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// obj is a JSON object.
type obj = map[string]any

// TestAgent answers twice, and the same key again at once.
func TestAgent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		p := w.Start(nil)
		var first []any
		params := obj{"message": "hi", "sessionId": "s1", "idempotencyKey": "a1", "timeout": 60, "thinking": "low", "lane": "main", "extraSystemPrompt": "Rhyme."}
		res, err := p.CallAs("agent", params, func(v any) { first = append(first, v) })
		if err != nil {
			t.Fatal(err)
		}
		if len(first) != 1 || chattest.AsMap(t, first[0])["status"] != "accepted" || chattest.AsMap(t, first[0])["runId"] != "a1" {
			t.Errorf("accepted %+v", first)
		}
		result := res["result"].(obj)
		meta := result["meta"].(obj)["agentMeta"].(obj)
		if res["status"] != "ok" || res["summary"] != "completed" || result["payloads"].([]any)[0].(obj)["text"] != "you said: hi" {
			t.Errorf("final %v", res)
		}
		if meta["sessionId"] != "s1" || meta["provider"] != "mock" || meta["model"] != "mock-1" || meta["usage"].(obj)["totalTokens"] != 12.0 {
			t.Errorf("meta %v", meta)
		}
		again, err := p.CallAs("agent", params, func(any) { t.Error("a finished run is accepted again") })
		if err != nil || fmt.Sprint(again) != fmt.Sprint(res) {
			t.Errorf("again: %v %v", again, err)
		}
		if c := w.Model.Requests()[0]; c.Thinking != "low" || !strings.Contains(c.System, "Rhyme.") || len(w.Model.Requests()) != 1 {
			t.Errorf("request %+v", c)
		}
		// The same session id is the same conversation.
		p.Must("agent", obj{"message": "more", "sessionId": "s1", "idempotencyKey": "a2"})
		if turns := w.Model.Requests()[1].Turns; len(turns) != 3 {
			t.Errorf("%d turns", len(turns))
		}
		if _, err := p.Call("chat.send", obj{"sessionKey": "other", "message": "x", "idempotencyKey": "a2"}); wit.CodeOf(err) != wit.CodeConflict {
			t.Errorf("a key of another session: %v", err)
		}
	})
}

func TestAgentFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		w.Model.Set(func(*wit.Chat) *wit.ProviderAnswer {
			return &wit.ProviderAnswer{Error: &wit.Error{Code: wit.CodeUnauthorized, Message: "the key is wrong"}}
		})
		p := w.Start(nil)
		for range 2 {
			_, err := p.Call("agent", obj{"message": "hi", "idempotencyKey": "a1"})
			if wit.CodeOf(err) != wit.CodeUnauthorized || rpc.DetailsOf(err) == nil {
				t.Errorf("got %v, details %v", err, rpc.DetailsOf(err))
			}
		}
		if ack := p.Must("chat.send", obj{"sessionKey": "main", "message": "hi", "idempotencyKey": "a1"}); ack["status"] != "error" || ack["summary"] != "the key is wrong" {
			t.Errorf("ack %v", ack)
		}
		if res := p.Must("agent.wait", obj{"runId": "a1"}); res["status"] != "error" || res["error"] != "the key is wrong" {
			t.Errorf("wait %v", res)
		}
	})
}

func TestAgentWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		feed := w.Model.Feed()
		p := w.Start(nil)
		start := time.Now()
		if res := p.Must("agent.wait", obj{"runId": "none", "timeoutMs": 50}); res["status"] != "timeout" || time.Since(start) != 50*time.Millisecond {
			t.Errorf("wait for nothing: %v", res)
		}
		p.Send("r1", "hi")
		if res := p.Must("agent.wait", obj{"runId": "r1", "timeoutMs": 50}); res["status"] != "timeout" {
			t.Errorf("wait for what goes on: %v", res)
		}
		go func() { feed <- chattest.Piece("yes"); feed <- chattest.Ended(); close(feed) }()
		if res := p.Must("agent.wait", obj{"runId": "r1"}); res["status"] != "ok" || res["endedAt"] == nil || res["startedAt"] == nil {
			t.Errorf("wait %v", res)
		}
	})
}

// large is a file of a size that begins so, in base64.
func large(head string, size int) string {
	return base64.StdEncoding.EncodeToString(append([]byte(head), make([]byte, size-len(head))...))
}

// TestFilesOfClients are taken by chat.send and agent, in both forms that clients have for them.
func TestFilesOfClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		p := w.Start(nil)
		for id, c := range map[string]struct {
			method string
			file   obj
			want   string
		}{
			"content":  {"chat.send", obj{"type": "file", "mimeType": "application/pdf", "fileName": "a.pdf", "content": large("%PDF-1.7", 9)}, "file application/pdf media-a.pdf-9"},
			"picture":  {"chat.send", obj{"fileName": "a.jpg", "content": large("\xff\xd8\xff", 9)}, "image image/jpeg media-a.jpg-9"},
			"source":   {"agent", obj{"type": "image", "source": obj{"type": "base64", "media_type": "image/png", "data": large("\x89PNG\r\n\x1a\n", 9)}}, "image image/png media--9"},
			"data URL": {"agent", obj{"fileName": "b.ogg", "content": "data:audio/ogg;codecs=opus;base64," + large("OggS\x00", 9)}, "audio audio/ogg media-b.ogg-9"},
		} {
			params := obj{"message": "x", "idempotencyKey": id, "attachments": []obj{c.file}}
			if c.method == "chat.send" {
				params["sessionKey"] = "main"
			}
			p.Must(c.method, params)
			p.Wait(id)
			for _, m := range w.Messages(chattest.MainKey) {
				if m.Run != id || m.Role != wit.RoleUser {
					continue
				}
				if file := m.Parts[len(m.Parts)-1]; string(file.Kind)+" "+*file.Mime+" "+*file.Media != c.want {
					t.Errorf("%s: kept as %s %s %s", id, file.Kind, *file.Mime, *file.Media)
				}
			}
		}
	})
}

// TestParams: what is wrong is refused with the reason, what protocols 3 and 4 have is taken.
func TestParams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		p := w.Start(nil)
		for _, c := range []struct {
			method string
			params obj
			want   string
		}{
			{"chat.history", obj{}, "must have required property 'sessionKey'"},
			{"chat.history", obj{"sessionKey": "main", "limit": 1001}, "at /limit: must be <= 1000"},
			{"chat.history", obj{"sessionKey": "main", "color": 1}, "color"},
			{"chat.send", obj{"sessionKey": "main", "message": "x"}, "'idempotencyKey'"},
			{"chat.send", obj{"sessionKey": "main", "message": " ", "idempotencyKey": "x"}, "message or attachment required"},
			{"chat.send", obj{"sessionKey": "agent:x", "message": "x", "idempotencyKey": "x"}, "is not a session key"},
			{"chat.send", obj{"sessionKey": "main", "message": "x", "idempotencyKey": strings.Repeat("k", 257)}, "cannot be a run's id"},
			{"chat.send", obj{"sessionKey": "main", "message": strings.Repeat("x", 1<<20+1), "idempotencyKey": "x"}, "at most 1048576 fit"},
			{"chat.send", obj{"sessionKey": "main", "message": "x", "idempotencyKey": "x", "attachments": []obj{{"mimeType": "text/plain", "content": 7}}}, "content must be a string in base64"},
			{"chat.send", obj{"sessionKey": "main", "message": "x", "idempotencyKey": "x", "attachments": []obj{{"source": obj{"type": "file", "url": "https://x.example/"}}}}, "a source of the type base64"},
			{"chat.send", obj{"sessionKey": "main", "message": "x", "idempotencyKey": "x", "attachments": []obj{{"fileName": "nothing"}}}, "a source of the type base64"},
			{"chat.send", obj{"sessionKey": "main", "message": "x", "idempotencyKey": "x", "attachments": []obj{{"mimeType": "image/png", "content": "%%"}}}, "not base64"},
			{"agent", obj{"message": "x"}, "'idempotencyKey'"},
			{"agent", obj{"message": "x", "idempotencyKey": "x", "model": "nobody/m"}, "no provider"},
			{"agent.wait", obj{}, "'runId'"},
			{"chat.inject", obj{"sessionKey": "main", "message": ""}, "at /message: must NOT have fewer than 1 characters"},
			{"chat.inject", obj{"sessionKey": "nowhere", "message": "x"}, "there is no session"},
			{"sessions.abort", obj{}, "'key'"},
		} {
			if _, err := p.Call(c.method, c.params); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s %.80v: got %v, want %q", c.method, c.params, err, c.want)
			}
		}
		p.Must("chat.send", obj{"sessionKey": "main", "message": "x", "idempotencyKey": "v4", "agentId": "main", "sessionId": "s", "queueMode": "followup",
			"fastMode": "auto", "toolBindings": obj{}, "expectedLeafEntryId": nil, "suppressCommandInterpretation": true, "deliver": false,
			"attachments": []obj{{"type": "image", "mimeType": "image/png", "fileName": "a.png", "content": base64.StdEncoding.EncodeToString([]byte("\x89PNG\r\n\x1a\n"))}}})
		p.Wait("v4")
		said := w.Model.Requests()[0].Turns[0].Content
		if len(said) != 2 || said[1].Kind != wit.PartKindImage || *said[1].Media != "media-a.png-8" {
			t.Errorf("the model sees %+v", said)
		}
	})
}

// TestBounds: what is one beyond a bound is refused, and the bound itself is taken.
func TestBounds(t *testing.T) {
	ids := func(n int) []string { return strings.Split(strings.Repeat("x,", n-1)+"x", ",") }
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		p := w.Start(nil)
		p.Send("r1", "hello")
		p.Wait("r1")
		for _, c := range []struct {
			method, field string
			good, bad     any
		}{
			{"chat.history", "offset", 0, -1},
			{"chat.history", "limit", 1, 0},
			{"chat.history", "limit", 1000, 1001},
			{"chat.history", "maxChars", 1, -1},
			{"chat.history", "maxChars", 500_000, 500_001},
			{"chat.history", "maxBytes", 1, -1},
			{"chat.history", "pendingBefore", 1, -1},
			{"chat.history", "inputRunIds", ids(50), ids(51)},
			{"chat.history", "inputRunIds", ids(1), []string{}},
			{"chat.inject", "message", "x", ""},
			{"chat.inject", "message", strings.Repeat("x", 1<<20), strings.Repeat("x", 1<<20+1)},
			{"chat.inject", "label", strings.Repeat("x", 100), strings.Repeat("x", 101)},
		} {
			params := obj{"sessionKey": "main"}
			if c.method == "chat.inject" {
				params["message"] = "note"
			}
			params[c.field] = c.good
			if _, err := p.Call(c.method, params); err != nil {
				t.Errorf("%s %s %.20v: %v", c.method, c.field, c.good, err)
			}
			params[c.field] = c.bad
			if _, err := p.Call(c.method, params); wit.CodeOf(err) != wit.CodeInvalid || !strings.Contains(err.Error(), c.field) {
				t.Errorf("%s %s %.20v: %v, want invalid", c.method, c.field, c.bad, err)
			}
		}
	})
}

// TestHistory pages backwards and goes on from a cursor.
func TestHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		p := w.Start(nil)
		if h := p.Must("chat.history", obj{"sessionKey": "main"}); len(h["messages"].([]any)) != 0 || h["sessionKey"] != "main" {
			t.Errorf("an empty history: %v", h)
		}
		for i := range 4 {
			id := fmt.Sprint("r", i)
			p.Send(id, "say "+id)
			p.Wait(id)
		}
		h := p.Must("chat.history", obj{"sessionKey": "main", "limit": 3, "maxChars": 5})
		list := h["messages"].([]any)
		last := list[2].(obj)
		if len(list) != 3 || h["hasMore"] != true || h["nextOffset"] != 3.0 || h["totalMessages"] != 8.0 || h["thinkingLevel"] != "off" {
			t.Errorf("page %v", h)
		}
		if place := last["__openclaw"].(obj); place["seq"] != 8.0 || place["id"] != last["id"] || place["runId"] != "r3" {
			t.Errorf("place %v", place)
		}
		if last["role"] != "assistant" || last["content"].([]any)[0].(obj)["text"] != "you s…" || last["stopReason"] != "stop" || last["provider"] != "mock" {
			t.Errorf("message %v", last)
		}
		h = p.Must("chat.history", obj{"sessionKey": "main", "offset": 6})
		if list := h["messages"].([]any); len(list) != 2 || list[0].(obj)["content"].([]any)[0].(obj)["text"] != "say r0" || h["hasMore"] != false {
			t.Errorf("the oldest page %v", list)
		}
		cursor := h["deltaCursor"]
		p.Must("chat.inject", obj{"sessionKey": "main", "message": "note", "label": "x"})
		h = p.Must("chat.history", obj{"sessionKey": "main", "cursor": cursor})
		if list := h["messages"].([]any); h["kind"] != "delta" || len(list) != 1 || list[0].(obj)["content"].([]any)[0].(obj)["text"] != "[x]\n\nnote" {
			t.Errorf("delta %v", h)
		}
		before := p.Must("chat.history", obj{"sessionKey": "main"})
		p.Must("sessions.reset", obj{"key": "main"})
		p.Send("again", "something else")
		p.Wait("again")
		earlier := p.Must("chat.history", obj{"sessionKey": "main", "sessionId": before["sessionId"]})
		if len(earlier["messages"].([]any)) != len(before["messages"].([]any)) || earlier["sessionId"] != before["sessionId"] {
			t.Errorf("the history before the reset: %v", earlier)
		}
		now := p.Must("chat.history", obj{"sessionKey": "main"})
		if same := p.Must("chat.history", obj{"sessionKey": "main", "sessionId": now["sessionId"]}); len(same["messages"].([]any)) != 2 || len(now["messages"].([]any)) != 2 {
			t.Errorf("the present history: %v", same)
		}
		for _, key := range []string{"main", "other"} {
			_, err := p.Call("chat.history", obj{"sessionKey": key, "sessionId": "no-such"})
			if wit.CodeOf(err) != wit.CodeInvalid || !strings.Contains(err.Error(), "sessionId does not belong to sessionKey") {
				t.Errorf("%s: %v", key, err)
			}
		}
		if h := p.Must("chat.history", obj{"sessionKey": "main", "cursor": cursor}); h["kind"] != "reset" {
			t.Errorf("after a reset: %v", h)
		}
	})
}

// TestInjectAmidTools: what is said in between does not part a tool call from its result.
func TestInjectAmidTools(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		gate := make(chan struct{})
		w.Tools.Do = func(context.Context, *wit.ToolInvocation) (*wit.ToolOutput, error) {
			<-gate
			return &wit.ToolOutput{}, nil
		}
		chattest.Script(w, chattest.Ask(chattest.Call("c", "pay", `{}`)), chattest.Say("ok"))
		p := w.Start(nil)
		p.Send("r1", "go")
		synctest.Wait()
		p.Must("chat.inject", obj{"sessionKey": "main", "message": "by the way"})
		if err := p.Runs.Tell(context.Background(), run.SystemEvent{Session: chattest.MainKey, Text: "it rains"}); err != nil {
			t.Fatal(err)
		}
		close(gate)
		p.Wait("r1")
		var roles []string
		for _, c := range w.Model.Requests()[1].Turns {
			roles = append(roles, string(c.Role))
		}
		if got := strings.Join(roles, " "); got != "user assistant tool assistant user" {
			t.Errorf("the model sees %s", got)
		}
	})
}

func TestLists(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		w.Settings = agent.Settings{Agents: []agent.Agent{{ID: "main", Name: "Molly", Emoji: "🦀"}, {ID: "ops"}}}
		p := w.Start(nil)
		models := p.Must("models.list", obj{"view": "all"})["models"].([]any)
		if m := models[0].(obj); len(models) != 1 || m["id"] != "mock-1" || m["name"] != "Mock One" || m["provider"] != "mock" || m["contextWindow"] != 100000.0 {
			t.Errorf("models %v", models)
		}
		if a := p.Must("agents.list", obj{}); a["defaultId"] != "main" || a["mainKey"] != "main" || len(a["agents"].([]any)) != 2 {
			t.Errorf("agents %v", a)
		}
		if id := p.Must("agent.identity.get", obj{"sessionKey": "main"}); id["name"] != "Molly" || id["avatar"] != "M" || id["agentId"] != "main" {
			t.Errorf("identity %v", id)
		}
		if id := p.Must("agent.identity.get", obj{"agentId": "ops"}); id["name"] != "Assistant" || id["agentId"] != "ops" {
			t.Errorf("identity %v", id)
		}
		if d := p.Models.Defaults(context.Background()); d.ModelProvider != "mock" || d.Model != "mock-1" || d.ContextTokens != 100_000 {
			t.Errorf("defaults %+v", d)
		}
		p.Must("chat.send", obj{"sessionKey": "main", "message": "hi", "idempotencyKey": "x"})
		p.Wait("x")
		if s := w.Model.Requests()[0].System; !strings.Contains(s, "You are Molly") || !strings.Contains(s, "Today is ") {
			t.Errorf("system %q", s)
		}
	})
}

// TestJobs: a turn that the gateway asks for waits for its end and is made once.
func TestJobs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		p := w.Start(nil)
		w.Accept(p, "m1", "hello") // now the main session has a conversation
		w.Only(p)
		const key = session.Key("agent:main:cron:job-1")
		for range 2 {
			out, err := p.Runs.Do(context.Background(), run.Job{ID: "j1", Session: string(key), Message: "report", Timeout: time.Minute})
			if err != nil || out.Run.Answer != "you said: report" {
				t.Errorf("%+v %v", out, err)
			}
		}
		if _, err := p.Runs.Do(context.Background(), run.Job{ID: "j2", Session: "main", Message: "tell me", Deliver: true}); err != nil {
			t.Error(err)
		}
		if err := p.Runs.Tell(context.Background(), run.SystemEvent{ID: "e1", Text: "wake up", Now: true}); err != nil {
			t.Error(err)
		}
		if r := p.Wait("e1"); r.Answer != "you said: [system event] wake up" {
			t.Errorf("run %+v", r)
		}
		out := w.Sent()
		if out["j2"] != "you said: tell me" || out["e1"] == "" || out["j1"] != "" {
			t.Errorf("delivered %q", out)
		}
		for range 2 {
			if err := p.Runs.Tell(context.Background(), run.SystemEvent{ID: "e2", Session: key, Text: "a note"}); err != nil {
				t.Error(err)
			}
		}
		if got := strings.Count(strings.Join(w.History(key), "\n"), "a note"); got != 1 {
			t.Errorf("%d notes", got)
		}
		w.Model.Set(func(*wit.Chat) *wit.ProviderAnswer {
			return &wit.ProviderAnswer{Error: &wit.Error{Code: wit.CodeInvalid, Message: "no"}}
		})
		if _, err := p.Runs.Do(context.Background(), run.Job{ID: "j3", Session: string(key), Message: "report"}); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("got %v", err)
		}
		if _, err := p.Runs.Do(context.Background(), run.Job{ID: "j4", Session: string(key)}); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("an empty job: %v", err)
		}
	})
}

// TestInboundContext: what the model learns beside the text, and that typing is shown meanwhile.
func TestInboundContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		feed := w.Model.Feed()
		p := w.Start(nil)
		text, name, file := "an old joke", "Ann", "cat.jpg"
		in := message.Inbound{
			ID: "in-7", Account: message.Account{Channel: "chat", ID: "bot"},
			Message: wit.Message{
				ID: "7", Text: "explain", Sender: wit.Person{ID: "1", Name: &name},
				Conversation: wit.Conversation{Kind: wit.ConversationKindGroup, ID: "G1"},
				ReplyTo:      &wit.Quoted{ID: "3", Text: &text, Sender: &wit.Person{ID: "2"}},
				Attachments:  []wit.Attachment{{Kind: wit.AttachmentKindImage, Name: &file}},
			},
			History: []message.Remark{{Sender: wit.Person{ID: "2"}, Text: "ha"}},
		}
		if err := w.Store.Update(context.Background(), func(tx store.Tx) error { _, err := p.Intake.Accept(tx, in); return err }); err != nil {
			t.Fatal(err)
		}
		p.Runs.Wake()
		time.Sleep(12 * time.Second)
		if n := w.Typed.Count(); n != 3 {
			t.Errorf("typing was shown %d times in 12 s", n)
		}
		feed <- chattest.Ended()
		close(feed)
		synctest.Wait()
		said := chattest.LastUser(w.Model.Requests()[0])
		want := "[from Ann]\n[said before in this conversation:\n2: ha\n]\n[in reply to 2: an old joke]\nexplain\n[attached: image cat.jpg, which was left out]"
		if said != want {
			t.Errorf("the model reads %q", said)
		}
		if got := w.History("agent:main:chat:group:g1"); len(got) == 0 {
			t.Error("the group has no history")
		}
	})
}
