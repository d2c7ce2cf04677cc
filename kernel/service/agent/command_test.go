package agent_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/carapace-gateway/carapace/kernel/service/chat/chattest"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/wit"
)

// obj is a JSON object.
type obj = map[string]any

// TestCommands are answered without the model, delivered, and kept from it.
func TestCommands(t *testing.T) {
	for text, want := range map[string]string{
		"/help":                "/new",
		"\n /Status \n":        "Session: agent:main:main",
		"/status@some_bot":     "Model: mock/mock-1",
		"/whoami":              "id 42",
		"/stop":                "Stopped.",
		"/new":                 "A new conversation",
		"/reset":               "A new conversation",
		"/model":               "The model is mock/mock-1.",
		"/model mock/big":      "The model is mock/big now.",
		"/model nobody/big":    "there is no provider",
		"/model default":       "configured one again",
		"/unknown command":     "you said: /unknown command",
		"not /help":            "you said: not /help",
		"shelp":                "you said: shelp",
		"/model mock-1":        "The model is mock/mock-1 now.",
		"/model mock-2":        "there is no provider for the model \"mock-2\": name it provider/model, with one of mock",
		"/new what is up":      "you said: what is up",
		"/stopwatch is a tool": "you said: /stopwatch is a tool",
	} {
		t.Run(text, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := chattest.NewWorld(t)
				p := w.Start(nil)
				w.Accept(p, "m0", "before")
				w.Only(p)
				asked := len(w.Model.Requests())
				w.Accept(p, "m1", text)
				r := w.Only(p)
				synctest.Wait()
				if !strings.Contains(r.Answer, want) || w.Sent()[r.ID] != r.Answer {
					t.Errorf("answer %q, delivered %q", r.Answer, w.Sent()[r.ID])
				}
				model := strings.HasPrefix(want, "you said")
				if got := len(w.Model.Requests()) > asked; got != model {
					t.Errorf("the model was asked: %v", got)
				}
				if f := w.Chats(r.ID, "final"); len(f) != 1 || f[0].Message.Content[0].Text != r.Answer {
					t.Errorf("finals %+v", f)
				}
				w.Accept(p, "m2", "after")
				w.Only(p)
				all := w.Model.Requests()
				var seen []string
				for _, c := range all[len(all)-1].Turns {
					seen = append(seen, chattest.TextOf(c.Content))
				}
				joined := strings.Join(seen, "|")
				if !model && strings.Contains(joined, text) {
					t.Errorf("the model sees %q", joined)
				}
				fresh := strings.HasPrefix(text, "/new") || text == "/reset"
				if strings.Contains(joined, "before") == fresh {
					t.Errorf("%s: the model sees %q", text, joined)
				}
				if m := all[len(all)-1].Model; (m == "big") != (text == "/model mock/big") {
					t.Errorf("the model is %q", m)
				}
			})
		})
	}
}

// TestUrgentCommands do not wait for a run that goes on, and /stop ends it.
func TestUrgentCommands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		feed := w.Feed()
		p := w.Start(nil)
		p.Send("r1", "long story")
		p.Send("r2", "another one")
		feed <- chattest.Piece("once upon")
		synctest.Wait()
		p.Send("s1", "/status")
		if r := p.Wait("s1"); !strings.Contains(r.Answer, "Doing: answering") || !strings.Contains(r.Answer, "Waiting: 1") {
			t.Errorf("status %q", r.Answer)
		}
		if res := p.Send("s2", "/stop"); res["aborted"] != true || fmt.Sprint(res["runIds"]) != "[r1 r2]" || res["status"] != nil {
			t.Errorf("a stop is no run: %v", res)
		}
		for _, id := range []string{"r1", "r2"} {
			if r := p.Wait(id); r.State != run.Aborted || r.Stop != "stop" {
				t.Errorf("run %+v", r)
			}
		}
		synctest.Wait()
		if e := w.Chats("r1", "aborted"); len(e) != 1 || e[0].Message.Content[0].Text != "once upon" {
			t.Errorf("events %+v", e)
		}
		if e := w.Chats("r2", ""); len(e) != 1 || e[0].State != "aborted" {
			t.Errorf("of the one that was dropped: %+v", e)
		}
		if got := w.History(chattest.MainKey); !slices.Contains(got, "assistant: once upon") {
			t.Errorf("history %q", got)
		}
		w.Model.Direct()
		p.Send("r3", "hello?")
		if r := p.Wait("r3"); r.Answer != "you said: hello?" {
			t.Errorf("run %+v", r)
		}
		last := w.Model.Requests()
		for _, c := range last[len(last)-1].Turns {
			if strings.Contains(chattest.TextOf(c.Content), "another one") {
				t.Error("the model sees what was dropped")
			}
		}
	})
}

// TestResetWhileBusy: the running run is stopped, the waiting one runs in the new conversation.
func TestResetWhileBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		w.Feed() // the model says nothing
		p := w.Start(nil)
		p.Send("r1", "old")
		p.Send("r2", "waiting")
		p.Send("r3", "more")
		synctest.Wait()
		w.Model.Direct()
		before := p.Must("sessions.describe", obj{"key": "main"})["session"].(obj)["sessionId"]
		res := p.Must("sessions.reset", obj{"key": "main"})
		if after := res["entry"].(obj)["sessionId"]; after == before {
			t.Error("the session id is the same")
		}
		p.Wait("r3")
		if got, want := w.History(chattest.MainKey), []string{"user: waiting", "assistant: you said: waiting", "user: more", "assistant: you said: more"}; !slices.Equal(got, want) {
			t.Errorf("history %q", got)
		}
		if _, err := p.Call("sessions.delete", obj{"key": "main"}); wit.CodeOf(err) != wit.CodeInvalid || !strings.Contains(err.Error(), "Cannot delete the main session (agent:main:main).") {
			t.Errorf("deleting main: %v", err)
		}
		if page := p.Must("sessions.export", obj{"sessionId": before}); len(page["lines"].([]any)) != 2 {
			t.Errorf("the old history: %v", page)
		}
	})
}

// TestCommandsOfClients are answered without a channel, and in a session that does not exist yet.
func TestCommandsOfClients(t *testing.T) {
	for text, want := range map[string]string{
		"/whoami":     "A client of the gateway\nSession: agent:main:main",
		"/status":     "Session: agent:main:main\nModel: mock/mock-1\nDoing: nothing\nTokens: 0 in, 0 out; context 0 of 100000",
		"/model":      "The model is mock/mock-1. Choose another one with /model provider/model, or /model default.",
		"/model mock": "The model is mock/mock-1 now.",
		"/model mock/" + strings.Repeat("x", 195): "The model is mock/" + strings.Repeat("x", 195) + " now.",
		"/model mock/" + strings.Repeat("x", 196): "a model is named provider/model, in at most 200 characters",
		"/new\nhello":        "you said: hello",
		"/new@bot: \n hello": "you said: hello",
		"/reset":             "A new conversation. What is it about?",
	} {
		t.Run(text[:min(len(text), 12)], func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := chattest.NewWorld(t)
				p := w.Start(nil)
				synctest.Wait()
				p.Models.Defaults(t.Context()) // has the models listed beside it
				synctest.Wait()
				p.Send("r1", text)
				if r := p.Wait("r1"); r.Answer != want {
					t.Errorf("answer %q, want %q", r.Answer, want)
				}
			})
		})
	}
}

// TestHelpNamesEveryCommand, and who asks is told where.
func TestHelpNamesEveryCommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		p := w.Start(nil)
		w.Accept(p, "m1", "/help")
		help := w.Only(p).Answer
		for _, want := range []string{"You can just write to me.", "\n/help", "\n/status", "\n/whoami", "\n/stop", "\n/new", "\n/reset", "\n/model"} {
			if !strings.Contains(help, want) {
				t.Errorf("help %q lacks %q", help, want)
			}
		}
		w.Accept(p, "m2", "/whoami")
		if got := w.Only(p).Answer; got != "Channel: chat (account bot)\nYou: 42 (id 42)\nConversation: 42\nSession: agent:main:main" {
			t.Errorf("who: %q", got)
		}
	})
}

// TestStatusTellsOfTrouble: the last error, what is being answered, and what waits.
func TestStatusTellsOfTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		w.Model.Set(func(*wit.Chat) *wit.ProviderAnswer {
			return &wit.ProviderAnswer{Error: &wit.Error{Code: wit.CodeForbidden, Message: "no money"}}
		})
		p := w.Start(nil)
		p.Send("r1", "hi")
		p.Wait("r1")
		p.Send("r2", "/status")
		if got := p.Wait("r2").Answer; !strings.HasSuffix(got, "\nLast error: no money") {
			t.Errorf("status %q", got)
		}
		gate := make(chan struct{})
		w.Model.Set(func(*wit.Chat) *wit.ProviderAnswer { <-gate; return chattest.Say("ok") })
		p.Send("r3", "hi")
		p.Send("r4", "hi")
		synctest.Wait()
		p.Send("r5", "/status")
		if got := p.Wait("r5").Answer; !strings.Contains(got, "\nDoing: answering\nWaiting: 1\n") || strings.Contains(got, "Last error") {
			t.Errorf("status %q", got)
		}
		close(gate)
	})
}

// TestConversationsBeginAndEnd for hooks, once each, whichever way one is reset.
func TestConversationsBeginAndEnd(t *testing.T) {
	for text, want := range map[string]string{"/status": "session_start", "/new": "session_start session_end", "/new more": "session_start session_end session_start", "more": "session_start"} {
		synctest.Test(t, func(t *testing.T) {
			w := chattest.NewWorld(t)
			p := w.Start(nil)
			for i, said := range []string{"hi", "again", text} {
				p.Send(strings.Repeat("r", i+1), said)
				p.Wait(strings.Repeat("r", i+1))
			}
			synctest.Wait()
			var got []string
			for _, n := range w.Hooks.Names() {
				if n == wit.HookNameSessionStart || n == wit.HookNameSessionEnd {
					got = append(got, string(n))
				}
			}
			if strings.Join(got, " ") != want {
				t.Errorf("%s: %q, want %q", text, got, want)
			}
		})
	}
}
