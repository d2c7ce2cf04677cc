package agent_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/service/agent"
	"github.com/carapace-gateway/carapace/kernel/service/chat/chattest"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// TestWhatIsUrgent: commands that look, and refusals, are answered while a run goes on; those that change what it stands on
// wait for it. Each is answered in the end.
func TestWhatIsUrgent(t *testing.T) {
	for text, c := range map[string]struct {
		sender string
		urgent bool
	}{
		"/help": {"42", true}, "/status": {"42", true}, "/whoami": {"42", true}, "/new": {"42", false}, "/reset": {"42", false}, "/model": {"42", false},
		"/think": {"42", false}, "hi": {"42", false}, "/new ": {"7", true}, "/model mock/x": {"7", true}, "/think high": {"7", true}, "hello": {"7", false},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := chattest.NewWorld(t)
			gate := make(chan struct{})
			w.Model.Set(func(*wit.Chat) *wit.ProviderAnswer { <-gate; return chattest.Say("ok") })
			p := w.Start(nil)
			say := func(id, text, sender string) {
				m := chattest.Inbound(id, text)
				m.Message.Conversation.Kind, m.Message.Sender.ID = wit.ConversationKindGroup, sender
				accept(t, p, m)
			}
			say("m1", "a long story", "42")
			synctest.Wait()
			say("m2", text, c.sender)
			synctest.Wait()
			if answered := len(w.Sent()) == 1; answered != c.urgent {
				t.Errorf("%s by %s: answered %t: %v", text, c.sender, answered, w.Sent())
			}
			close(gate)
			synctest.Wait()
			if len(w.Sent()) != 2 {
				t.Errorf("%s by %s: afterwards %v", text, c.sender, w.Sent())
			}
		})
	}
}

// TestAStopFromAChannel ends what the session does, and the events of a command are told like all others.
func TestAStopFromAChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		w.Feed() // from which nothing comes
		p := w.Start(nil)
		p.Send("r1", "a long story")
		synctest.Wait()
		w.Accept(p, "m1", "/stop")
		if r := p.Wait("r1"); r.State != run.Aborted || r.Stop != "stop" {
			t.Errorf("run %+v", r)
		}
		w.Only(p)
		synctest.Wait()
		if told := strings.Join(w.Told(), "|"); !strings.Contains(told, "user: /stop|") || !strings.HasSuffix(told, "assistant: Stopped.") {
			t.Errorf("told %s", told)
		}
	})
}

// TestANewConversationWithAPicture begins with it.
func TestANewConversationWithAPicture(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		p := w.Start(nil)
		p.Send("r0", "before")
		p.Wait("r0")
		q := run.Request{Run: run.Run{ID: "r1", Session: chattest.MainKey, Text: "/new", Command: "new", Parts: []wit.Part{{Kind: wit.PartKindImage, Media: new("media-a")}}}}
		if _, err := p.Runs.Submit(t.Context(), q); err != nil {
			t.Fatal(err)
		}
		r := p.Wait("r1")
		all := w.Model.Requests()
		if last := all[len(all)-1]; r.Stop == "command" || len(all) != 2 || len(last.Turns) != 1 || len(last.Turns[0].Content) != 1 || *last.Turns[0].Content[0].Media != "media-a" {
			t.Errorf("run %+v after %d requests", r, len(all))
		}
	})
}

// TestTheModelThatIsGone: who asks which one answers is told that it does not.
func TestTheModelThatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		w.Settings.Model = "gone/x"
		p := w.Start(nil)
		p.Send("r1", "/model")
		if r := p.Wait("r1"); r.State != run.Done || !strings.HasPrefix(r.Answer, `there is no provider for the model "gone/x"`) {
			t.Errorf("run %+v", r)
		}
		if d := p.Models.Defaults(t.Context()); d != (session.Defaults{}) {
			t.Errorf("defaults %+v", d)
		}
		check := p.Agents.Service().Checks[0]
		if c := check(t.Context()); c.OK || c.Name != "model" || c.Hint == "" {
			t.Errorf("the doctor says %+v", c)
		}
		w.Settings.Model = ""
		if c := check(t.Context()); !c.OK || c.Message != "mock/mock-1" {
			t.Errorf("the doctor says %+v", c)
		}
	})
}

// intakeOf is an intake for the sessions of settings, whose runs nobody executes.
func intakeOf(settings session.Settings, out message.Outbox) (*agent.Intake, store.Store) {
	db := store.OpenMemory()
	sessions := session.New(session.Deps{
		Store: db, Bus: &event.Bus{}, Queue: run.SessionQueue{}, Settings: func() session.Settings { return settings }, Log: hclog.NewNullLogger(),
	})
	return agent.NewIntake(sessions, nobody{}, out), db
}

// queued lists the runs that wait.
func queued(t *testing.T, db store.Store) (runs []run.Run) {
	t.Helper()
	if err := db.View(t.Context(), func(tx store.Tx) error {
		runs = nil
		for row, err := range store.Table[run.Run]("runs").Scan(tx, store.Range{}) {
			if err != nil {
				return err
			}
			runs = append(runs, row.Value)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return runs
}

// TestWhoHasASessionAlone may stop what it does; where all share the main one, that is the owner's.
func TestWhoHasASessionAlone(t *testing.T) {
	for scope, want := range map[session.Scope]string{session.ScopeMain: "denied", session.ScopePerPeer: "stop", session.ScopeOwner: "stop"} {
		intake, db := intakeOf(session.Settings{DMScope: scope, Owners: []string{"chat:42"}}, outbox{})
		m := chattest.Inbound("m1", "/stop")
		m.Message.Sender.ID = "7"
		err := db.Update(t.Context(), func(tx store.Tx) error { _, err := intake.Accept(tx, m); return err })
		if runs := queued(t, db); err != nil || len(runs) != 1 || runs[0].Command != want {
			t.Errorf("%s: %+v, %v", scope, runs, err)
		}
	}
}

// TestAConversationThatMoved is the same session still, and is answered where it is now.
func TestAConversationThatMoved(t *testing.T) {
	intake, db := intakeOf(session.Settings{}, outbox{})
	for id, home := range map[string]string{"1": "", "2": "1", "3": ""} {
		m := chattest.Inbound("m"+id, "hi")
		m.Message.Conversation, m.Home = wit.Conversation{Kind: wit.ConversationKindGroup, ID: id}, home
		if err := db.Update(t.Context(), func(tx store.Tx) error { _, err := intake.Accept(tx, m); return err }); err != nil {
			t.Fatal(err)
		}
	}
	runs := queued(t, db)
	slices.SortFunc(runs, func(a, b run.Run) int { return strings.Compare(a.Reply.Conversation.ID, b.Reply.Conversation.ID) })
	if len(runs) != 3 || runs[0].Session != runs[1].Session || runs[0].Session == runs[2].Session || runs[1].Reply.Conversation.ID != "2" {
		t.Errorf("%+v", runs)
	}
}

// refusing notes what is to be sent, and refuses it.
type refusing struct {
	why  error
	sent []string
}

func (*refusing) Wake() {}
func (r *refusing) Enqueue(_ store.Tx, m message.Outbound) error {
	r.sent = append(r.sent, fmt.Sprintf("%s to %s, for %q", m.Channel, m.To.ID, m.ReplyTo))
	return r.why
}

// TestAFullQueueOfAGroup says whom it refuses. Where that cannot be said the message is dropped all the same, unless it
// is the store that fails.
func TestAFullQueueOfAGroup(t *testing.T) {
	out := &refusing{}
	intake, db := intakeOf(session.Settings{Owners: []string{"chat:42"}}, out)
	say := func(tx store.Tx, id string) error {
		m := chattest.Inbound(id, "hi")
		m.Message.Conversation.Kind = wit.ConversationKindGroup
		_, err := intake.Accept(tx, m)
		return err
	}
	if err := db.Update(t.Context(), func(tx store.Tx) error {
		for n := range 1000 {
			if err := say(tx, fmt.Sprint("m", n)); err != nil {
				return err
			}
		}
		return nil
	}); err != nil || len(out.sent) != 0 {
		t.Fatalf("said %q, %v", out.sent, err)
	}
	for _, c := range []struct {
		why   error
		fails bool
	}{{nil, false}, {wit.NewError(wit.CodeInvalid, "no such room"), false}, {wit.NewError(wit.CodeUnavailable, "the disk is full"), true}} {
		out.why, out.sent = c.why, nil
		err := db.Update(t.Context(), func(tx store.Tx) error { return say(tx, "last") })
		if (err != nil) != c.fails || len(out.sent) != 1 || out.sent[0] != `chat to 42, for "last"` {
			t.Errorf("%v: said %q, %v", c.why, out.sent, err)
		}
	}
}
