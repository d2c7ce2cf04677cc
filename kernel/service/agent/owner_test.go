package agent_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/carapace-gateway/carapace/kernel/service/chat/chattest"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// TestWhoMayCommand: what changes anything is the owner's, and whoever has a session alone may stop what it does.
func TestWhoMayCommand(t *testing.T) {
	const denied = "Only the owner of this assistant may do that here."
	const how = denied + "\n\nIf that is you, run on its machine:\n\n```\ncarapace pairing owner chat 7\n```"
	direct, group := wit.ConversationKindDirect, wit.ConversationKindGroup
	for name, c := range map[string]struct {
		text, sender string
		in           wit.ConversationKind
		want         string
	}{
		"the owner resets":             {"/new", "42", group, "A new conversation."},
		"somebody resets":              {"/new", "7", direct, how},
		"somebody resets, with a text": {"/reset hello", "7", direct, how},
		"nobody known resets":          {"/new", "", group, denied},
		"somebody stops":               {"/stop", "7", direct, "Stopped."},
		"somebody stops in a group":    {"/stop", "7", group, how},
		"the owner stops in a group":   {"/stop", "42", group, "Stopped."},
		"somebody looks":               {"/model", "7", group, "The model is mock/mock-1."},
		"somebody looks at thinking":   {"/think", "7", direct, "Thinking is off."},
		"somebody chooses":             {"/model mock/big", "7", direct, how},
		"somebody asks for help":       {"/help", "7", group, "Commands:"},
		"somebody asks who":            {"/whoami", "7", group, "You: 7 (id 7)"},
		"somebody talks of a path":     {"/etc/hosts is what?", "7", direct, "you said: /etc/hosts is what?"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := chattest.NewWorld(t)
				p := w.Start(nil)
				in := chattest.Inbound("m1", c.text)
				in.Message.Sender = wit.Person{ID: c.sender}
				in.Message.Conversation = wit.Conversation{Kind: c.in, ID: "9"}
				if err := w.Store.Update(context.Background(), func(tx store.Tx) error { _, err := p.Intake.Accept(tx, in); return err }); err != nil {
					t.Fatal(err)
				}
				p.Intake.Wake()
				r := w.Only(p)
				if !strings.HasPrefix(r.Answer, c.want) && !strings.Contains(r.Answer, c.want) || c.want == denied && r.Answer != denied || w.Sent()[r.ID] != r.Answer {
					t.Errorf("answer %q, delivered %q", r.Answer, w.Sent()[r.ID])
				}
			})
		})
	}
}

// TestThinking is shown and chosen, for the session or as configured, and the model is asked for it in its own words.
func TestThinking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		w.Settings.Thinking = "low"
		p := w.Start(nil)
		for i, c := range []struct{ text, answer, asked string }{
			{"/think", "Thinking is low. Choose another level with /think, or /think default.", ""},
			{"hi", "you said: hi", "low"},
			{"/think HIGH", "Thinking is high now.", ""},
			{"/think", "Thinking is high. Choose another level with /think, or /think default.", ""},
			{"hi", "you said: hi", "high"},
			{"/think a lot", "I do not know that level. There are " + strings.Join(session.ThinkingLevels(), ", ") + ".", ""},
			{"hi", "you said: hi", "high"},
			{"/think minimal", "Thinking is minimal now.", ""},
			{"hi", "you said: hi", "low"},
			{"/think xhigh", "Thinking is xhigh now.", ""},
			{"hi", "you said: hi", "high"},
			{"/think adaptive", "Thinking is adaptive now.", ""},
			{"hi", "you said: hi", "-"},
			{"/think default", "Thinking is as configured again.", ""},
			{"hi", "you said: hi", "low"},
		} {
			asked := len(w.Model.Requests())
			id := strings.Repeat("r", i+1)
			p.Send(id, c.text)
			if r := p.Wait(id); r.Answer != c.answer {
				t.Errorf("%s: %q", c.text, r.Answer)
			}
			all := w.Model.Requests()
			if len(all) == asked != (c.asked == "") {
				t.Errorf("%s: asked %d times", c.text, len(all)-asked)
			}
			if want := strings.Trim(c.asked, "-"); c.asked != "" && all[len(all)-1].Thinking != want {
				t.Errorf("%s %d: the model thinks %q, want %q", c.text, i, all[len(all)-1].Thinking, want)
			}
		}
	})
}

// TestHooksAreToldOfMessages that come through channels, with who sent them, and how each run ended.
func TestHooksAreToldOfMessages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		p := w.Start(nil)
		w.Accept(p, "m1", "hi")
		w.Only(p)
		p.Send("r1", "from a client")
		p.Wait("r1")
		w.Model.Set(func(*wit.Chat) *wit.ProviderAnswer {
			return &wit.ProviderAnswer{Error: wit.NewError(wit.CodeForbidden, "no money")}
		})
		p.Send("r2", "again")
		p.Wait("r2")
		synctest.Wait()
		var received []wit.HookEvent
		var ends []string
		for _, e := range w.Hooks.Asked {
			switch e.Name {
			case wit.HookNameMessageReceived:
				received = append(received, e)
			case wit.HookNameAgentEnd:
				ends = append(ends, string(e.Event))
			}
		}
		if len(received) != 1 || !strings.Contains(string(received[0].Event), `"sender":"42"`) || *received[0].Context.Channel != "chat" || *received[0].Context.Account != "bot" {
			t.Errorf("received %+v", received)
		}
		if len(ends) != 3 || strings.Contains(ends[1], "error") || !strings.Contains(ends[1], "you said: from a client") || !strings.Contains(ends[2], "no money") {
			t.Errorf("ended %q", ends)
		}
	})
}
