package chat_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/wit"
)

// TestCommands are answered without the model, delivered, and kept from it.
func TestCommands(t *testing.T) {
	for text, want := range map[string]string{
		"/help":                "/new",
		"/Status":              "Session: agent:main:main",
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
		"/new what is up":      "you said: what is up",
		"/stopwatch is a tool": "you said: /stopwatch is a tool",
	} {
		t.Run(text, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				p := w.start(nil)
				defer p.stop()
				w.accept(p, "m0", "before")
				w.only(p)
				asked := len(w.model.requests())
				w.accept(p, "m1", text)
				r := w.only(p)
				synctest.Wait()
				if !strings.Contains(r.Answer, want) || w.sent()[r.ID] != r.Answer {
					t.Errorf("answer %q, delivered %q", r.Answer, w.sent()[r.ID])
				}
				model := strings.HasPrefix(want, "you said")
				if got := len(w.model.requests()) > asked; got != model {
					t.Errorf("the model was asked: %v", got)
				}
				if f := w.chats(r.ID, "final"); len(f) != 1 || f[0].Message.Content[0].Text != r.Answer {
					t.Errorf("finals %+v", f)
				}
				w.accept(p, "m2", "after")
				w.only(p)
				all := w.model.requests()
				var seen []string
				for _, c := range all[len(all)-1].Turns {
					seen = append(seen, textOf(c.Content))
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
		w := newWorld(t)
		feed := w.model.feed()
		defer close(feed)
		p := w.start(nil)
		defer p.stop()
		p.send("r1", "long story")
		p.send("r2", "another one")
		feed <- piece("once upon")
		synctest.Wait()
		p.send("s1", "/status")
		if r := p.wait("s1"); !strings.Contains(r.Answer, "Doing: answering") || !strings.Contains(r.Answer, "Waiting: 1") {
			t.Errorf("status %q", r.Answer)
		}
		p.send("s2", "/stop")
		p.wait("s2")
		for _, id := range []string{"r1", "r2"} {
			if r := p.wait(id); r.State != run.Aborted || r.Stop != "stop" {
				t.Errorf("run %+v", r)
			}
		}
		synctest.Wait()
		if e := w.chats("r1", "aborted"); len(e) != 1 || e[0].Message.Content[0].Text != "once upon" {
			t.Errorf("events %+v", e)
		}
		w.model.direct()
		p.send("r3", "hello?")
		if r := p.wait("r3"); r.Answer != "you said: hello?" {
			t.Errorf("run %+v", r)
		}
		last := w.model.requests()
		for _, c := range last[len(last)-1].Turns {
			if strings.Contains(textOf(c.Content), "another one") {
				t.Error("the model sees what was dropped")
			}
		}
	})
}

// TestResetWhileBusy: the running run is stopped, the waiting one runs in the new conversation.
func TestResetWhileBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		feed := w.model.feed()
		defer close(feed)
		p := w.start(nil)
		defer p.stop()
		p.send("r1", "old")
		p.send("r2", "waiting")
		p.send("r3", "more")
		synctest.Wait()
		w.model.direct()
		before := p.must("sessions.describe", obj{"key": "main"})["session"].(obj)["sessionId"]
		res := p.must("sessions.reset", obj{"key": "main"})
		if after := res["entry"].(obj)["sessionId"]; after == before {
			t.Error("the session id is the same")
		}
		p.wait("r3")
		if got, want := w.history(mainKey), []string{"user: waiting", "assistant: you said: waiting", "user: more", "assistant: you said: more"}; !slices.Equal(got, want) {
			t.Errorf("history %q", got)
		}
		if _, err := p.call("sessions.delete", obj{"key": "main"}); wit.CodeOf(err) != wit.CodeInvalid || !strings.Contains(err.Error(), "Cannot delete the main session (agent:main:main).") {
			t.Errorf("deleting main: %v", err)
		}
		if page := p.must("sessions.export", obj{"sessionId": before}); len(page["lines"].([]any)) != 2 {
			t.Errorf("the old history: %v", page)
		}
	})
}
