package session_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/service/session/sessiontest"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/hashicorp/go-hclog"
)

// learner is nobody, with a model of whose context more is learned as time goes on.
type learner struct {
	nobody
	tokens uint32
}

func (l *learner) Defaults(ctx context.Context) session.Defaults {
	d := l.nobody.Defaults(ctx)
	d.ContextTokens = l.tokens
	return d
}

func (l *learner) sessions(s store.Store) *session.Service {
	return session.New(session.Deps{
		Store: s, Bus: &event.Bus{}, Queue: l, Settings: func() session.Settings { return session.Settings{} }, Log: hclog.NewNullLogger(),
	})
}

// TestOverviewIsNeverOld: neither what is learned of the model nor what runs do to sessions, which nobody
// announces, is missing in it.
func TestOverviewIsNeverOld(t *testing.T) {
	s, l := store.OpenMemory(), &learner{tokens: 1000}
	svc := l.sessions(s)
	const other = session.Key("agent:main:other")
	appended := func(k session.Key, tokens uint64) {
		storetest.Update(t, s, func(tx store.Tx) error {
			_, err := session.Append(tx, k, session.Message{Role: wit.RoleAssistant, Usage: &wit.Usage{Input: tokens}})
			return err
		})
	}
	step := func(name string, count int, k session.Key, want session.Row) {
		t.Helper()
		for range 2 { // the second one may be the first one again
			o, err := svc.Overview(t.Context(), l)
			if err != nil || o.Count != count || len(o.Recent) != count {
				t.Fatalf("%s: %+v %v", name, o, err)
			}
			for _, r := range o.Recent {
				if got := (session.Row{TotalTokens: r.TotalTokens, ContextTokens: r.ContextTokens, QueuedRuns: r.QueuedRuns}); r.Key == k && got != want {
					t.Errorf("%s: %+v, want %+v", name, got, want)
				}
			}
		}
	}
	step("nothing", 0, key, session.Row{})
	sessiontest.Ensure(t, s, key)
	svc.Changed(key, "patch")
	step("a session", 1, key, session.Row{ContextTokens: 1000})
	l.tokens = 2000
	step("a larger context", 1, key, session.Row{ContextTokens: 2000})
	sessiontest.Ensure(t, s, other)
	l.pending = map[session.Key]session.Pending{other: {Runs: []string{"r1"}}}
	step("a message from a channel", 2, other, session.Row{ContextTokens: 2000, QueuedRuns: 1})
	appended(other, 10)
	step("a step of its run", 2, other, session.Row{ContextTokens: 2000, QueuedRuns: 1, TotalTokens: 10})
	appended(other, 20)
	l.pending = nil
	svc.Changed(other, "run")
	step("its end", 2, other, session.Row{ContextTokens: 2000, TotalTokens: 20})
}

// BenchmarkOverview is what health costs with a thousand sessions: while nothing goes on, and while a run does.
func BenchmarkOverview(b *testing.B) {
	s, err := store.Open(b.Context(), filepath.Join(b.TempDir(), "state.db"), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	if err := s.Update(b.Context(), func(tx store.Tx) error {
		for i := range 1000 {
			k := session.Key(fmt.Sprint("agent:main:", i))
			if _, err := session.Ensure(tx, k, message.Origin{Channel: "chat", Conversation: &wit.Conversation{ID: fmt.Sprint(i)}}); err != nil {
				return err
			}
			if _, err := session.Append(tx, k, session.Message{Role: wit.RoleUser, Parts: []wit.Part{session.TextPart("What is the weather like today?")}}); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		b.Fatal(err)
	}
	for name, pending := range map[string]map[session.Key]session.Pending{"idle": nil, "busy": {key: {Runs: []string{"r1"}}}} {
		b.Run(name, func(b *testing.B) {
			l := &learner{nobody: nobody{pending: pending}}
			svc := l.sessions(s)
			for b.Loop() {
				if _, err := svc.Overview(b.Context(), l); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestADamagedSession is left out of lists, and keeps no other from being found by its label or from moving.
func TestADamagedSession(t *testing.T) {
	s, l := store.OpenMemory(), &learner{}
	const a, b, c = session.Key("agent:main:a"), session.Key("agent:main:b"), session.Key("agent:main:c")
	sessiontest.Ensure(t, s, a, b)
	from := wit.Conversation{ID: "1", Kind: wit.ConversationKindGroup}
	storetest.Update(t, s, func(tx store.Tx) error {
		if _, err := session.Ensure(tx, c, message.Origin{Channel: "chat", Account: "bot", Conversation: &from}); err != nil {
			return err
		}
		return tx.Put("sessions", string(b), []byte("{"))
	})
	svc := l.sessions(s)
	for range 2 {
		o, err := svc.Overview(t.Context(), l)
		if err != nil || o.Count != 2 || len(o.Recent) != 2 {
			t.Errorf("overview %+v, %v", o, err)
		}
	}
	storetest.Update(t, s, func(tx store.Tx) error {
		err := session.Moved(tx, message.Move{Account: message.Account{Channel: "chat", ID: "bot"}, From: "1", To: wit.Conversation{ID: "2"}})
		if err != nil {
			return err
		}
		e, err := session.Get(tx, c)
		if e.Route == nil || e.Route.Conversation.ID != "2" {
			t.Errorf("it did not move: %+v", e.Route)
		}
		return err
	})
}
