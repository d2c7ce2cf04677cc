package session_test

import (
	"context"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestAnyOperationMayFail: whatever is asked of the store for a session, its failure is the caller's.
func TestAnyOperationMayFail(t *testing.T) {
	const fresh = session.Key("agent:main:new")
	here := message.Origin{Channel: "chat", Account: "bot", Conversation: &wit.Conversation{ID: "1"}}
	for name, do := range map[string]func(*session.Service, store.Tx) error{
		"a new one": func(_ *session.Service, tx store.Tx) error { _, err := session.Ensure(tx, fresh, here); return err },
		"a new one's id": func(_ *session.Service, tx store.Tx) error {
			_, err := session.EnsureAs(tx, fresh, here, "my-id")
			return err
		},
		"an id in use": func(_ *session.Service, tx store.Tx) error {
			_, err := session.EnsureAs(tx, fresh, here, "other-id")
			return err
		},
		"a route": func(_ *session.Service, tx store.Tx) error { _, err := session.Ensure(tx, key, here); return err },
		"a key":   func(_ *session.Service, tx store.Tx) error { _, err := session.KeyOf(tx, "other-id"); return err },
		"a message": func(_ *session.Service, tx store.Tx) error {
			_, err := session.Append(tx, key, session.Message{})
			return err
		},
		"the newest": func(s *session.Service, tx store.Tx) error { _, err := s.Newest(tx, "other-id", 0, 9, nil); return err },
		"the next":   func(s *session.Service, tx store.Tx) error { _, err := s.After(tx, "other-id", 0, 9); return err },
		"a reset":    func(_ *session.Service, tx store.Tx) error { _, _, err := session.Reset(tx, key); return err },
		"a removal":  func(s *session.Service, tx store.Tx) error { return s.Remove(tx, "agent:main:other", false) },
		"all of it":  func(s *session.Service, tx store.Tx) error { return s.Remove(tx, "agent:main:other", true) },
		"a run's start": func(_ *session.Service, tx store.Tx) error {
			_, err := session.RunStarted(tx, key, "r1", false)
			return err
		},
		"a run's end":    func(_ *session.Service, tx store.Tx) error { return session.RunEnded(tx, key, "r1", "done", "") },
		"a conversation": func(_ *session.Service, tx store.Tx) error { return session.Moved(tx, moved()) },
		"where it goes":  func(_ *session.Service, tx store.Tx) error { return resolve(tx, session.Destination{Wanted: true}) },
		"where main goes": func(_ *session.Service, tx store.Tx) error {
			return resolve(tx, session.Destination{Wanted: true, Of: key})
		},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.AnyOperationMayFail(t, func(s store.Store) { prepare(t, s) }, func(s store.Store) error {
				svc := newRig(t, s).svc
				return s.Update(context.Background(), func(tx store.Tx) error { return do(svc, tx) })
			})
		})
	}
	for method, params := range map[string]obj{
		"sessions.list":     {},
		"sessions.describe": {"key": "main"},
		"sessions.export":   {"key": "other"},
		"sessions.patch":    {"key": "main", "label": "mine"},
		"sessions.reset":    {"key": "other"},
		"sessions.delete":   {"key": "other"},
		"sessions.resolve":  {"label": "theirs"},
	} {
		t.Run(method, func(t *testing.T) {
			storetest.AnyOperationMayFail(t, func(s store.Store) { prepare(t, s) }, func(s store.Store) error {
				_, err := newRig(t, s).call(method, params)
				return err
			})
		})
	}
	t.Run("status", func(t *testing.T) {
		storetest.AnyOperationMayFail(t, func(s store.Store) { prepare(t, s) }, func(s store.Store) error {
			r := newRig(t, s)
			_, err := r.svc.Overview(context.Background(), r.nobody)
			return err
		})
	})
}

func moved() message.Move {
	return message.Move{Account: message.Account{Channel: "chat", ID: "bot"}, From: "1", To: wit.Conversation{ID: "2"}}
}

func resolve(tx store.Tx, d session.Destination) error {
	e, err := session.Get(tx, "agent:main:other")
	if err == nil {
		_, err = d.Resolve(tx, e)
	}
	return err
}

// prepare makes two sessions that have an earlier history and a present one.
func prepare(t *testing.T, s store.Store) {
	t.Helper()
	from := message.Origin{Channel: "chat", Account: "bot", Conversation: &wit.Conversation{ID: "1"}}
	for k, id := range map[session.Key]string{key: "main-id", "agent:main:other": "other-id"} {
		storetest.Update(t, s, func(tx store.Tx) error {
			if _, err := session.EnsureAs(tx, k, from, id); err != nil {
				return err
			}
			if _, err := session.Append(tx, k, session.Message{}); err != nil {
				return err
			}
			if _, _, err := session.Reset(tx, k); err != nil {
				return err
			}
			_, err := session.Append(tx, k, session.Message{})
			return err
		})
	}
	newRig(t, s).must("sessions.patch", obj{"key": "other", "label": "theirs"})
}
