package agent_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/carapace-gateway/carapace/kernel/service/chat/chattest"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/wit"
)

// TestSteering: what is said to steer a run is read by the model at its next step, is in the history once, and has its end;
// what is said otherwise waits.
func TestSteering(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		var p *chattest.Process
		w.Tools.Do = func(_ context.Context, c *wit.ToolInvocation) (*wit.ToolOutput, error) {
			p.Must("chat.send", obj{"sessionKey": "main", "message": "and then?", "idempotencyKey": "r2"})
			p.Must("chat.send", obj{"sessionKey": "main", "message": "in euros", "idempotencyKey": "r3", "queueMode": "steer"})
			p.Must("sessions.steer", obj{"key": "main", "message": "please", "idempotencyKey": "r4"})
			if again := p.Must("sessions.steer", obj{"key": "main", "message": "please", "idempotencyKey": "r4"}); again["status"] != "in_flight" {
				t.Errorf("again %v", again)
			}
			return &wit.ToolOutput{}, nil
		}
		chattest.Script(w, chattest.Ask(chattest.Call("c1", "pay", `{}`)), chattest.Say("2 euros"), chattest.Say("nothing more"))
		p = w.Start(nil)
		p.Send("r1", "what is it?")
		for id, want := range map[string]string{"r1": "2 euros", "r2": "nothing more", "r3": "", "r4": ""} {
			if r := p.Wait(id); r.State != run.Done || r.Answer != want {
				t.Errorf("%s: %+v", id, r)
			}
		}
		synctest.Wait()
		want := []string{"user: what is it?", "call pay", "tool: (no output)", "user: in euros", "user: please", "assistant: 2 euros", "user: and then?", "assistant: nothing more"}
		if got := w.History(chattest.MainKey); !slices.Equal(got, want) {
			t.Errorf("history %q", got)
		}
		if got := chattest.LastUser(w.Model.Requests()[1]); got != "please" {
			t.Errorf("the model reads last %q", got)
		}
		if f := w.Chats("r3", "final"); len(f) != 1 || f[0].Message != nil {
			t.Errorf("finals %+v", f)
		}
		if again := p.Must("sessions.steer", obj{"key": "main", "message": "please", "idempotencyKey": "r4"}); again["status"] != "ok" {
			t.Errorf("when it has ended: %v", again)
		}
	})
}

// TestSteeringOfNobody: with nobody to steer it is a message like any other.
func TestSteeringOfNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		chattest.Script(w, chattest.Say("hello"), chattest.Say("again"))
		p := w.Start(nil)
		p.Must("chat.send", obj{"sessionKey": "main", "message": "hi", "idempotencyKey": "r1", "queueMode": "steer"})
		if r := p.Wait("r1"); r.Answer != "hello" {
			t.Errorf("%+v", r)
		}
		if _, err := p.Call("sessions.steer", obj{"key": "none", "message": "hi"}); wit.CodeOf(err) != wit.CodeNotFound {
			t.Errorf("a conversation that there is not: %v", err)
		}
	})
}

// TestInterruption: what is said to interrupt stops what is answered and what waits, and is answered next; said again with the
// same key it does not stop itself.
func TestInterruption(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		feed := w.Feed()
		p := w.Start(nil)
		p.Send("r1", "one")
		feed <- chattest.Piece("It is")
		synctest.Wait()
		w.Model.Direct()
		chattest.Script(w, chattest.Say("three it is"))
		p.Send("r2", "two")
		now := obj{"sessionKey": "main", "message": "three", "idempotencyKey": "r3", "queueMode": "interrupt"}
		p.Must("chat.send", now)
		p.Must("chat.send", now)
		for id, want := range map[string]run.State{"r1": run.Aborted, "r2": run.Aborted, "r3": run.Done} {
			if r := p.Wait(id); r.State != want {
				t.Errorf("%s: %+v", id, r)
			}
		}
	})
}
