package session_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/service/session/sessiontest"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
)

const key = session.Key("agent:main:main")

func TestEntries(t *testing.T) {
	storetest.Both(t, func(t *testing.T, s store.Store) {
		conv := wit.Conversation{ID: "42"}
		var first, second session.Entry
		storetest.Update(t, s, func(tx store.Tx) (err error) {
			if first, err = session.EnsureAs(tx, key, message.Origin{}, "my-id"); err != nil {
				return err
			}
			second, err = session.Ensure(tx, key, message.Origin{Channel: "chat", Conversation: &conv})
			return err
		})
		if first.SessionID != "my-id" || second.SessionID != "my-id" || second.Route == nil || second.Route.Channel != "chat" || second.Origin.Channel != "chat" {
			t.Errorf("entries %+v %+v", first, second)
		}
		storetest.Update(t, s, func(tx store.Tx) error {
			other, err := session.EnsureAs(tx, "agent:main:x", message.Origin{}, "my-id")
			if other.SessionID == "my-id" {
				t.Error("two sessions have one id")
			}
			return err
		})
		if code := storetest.Try(s, func(tx store.Tx) error { _, err := session.Get(tx, "agent:main:none"); return err }); code != wit.CodeNotFound {
			t.Errorf("got %q", code)
		}
		storetest.Update(t, s, func(tx store.Tx) error {
			k, err := session.KeyOf(tx, "my-id")
			if k != key {
				t.Errorf("my-id is of %q", k)
			}
			return err
		})
		for _, id := range []string{"", "none", "../x", strings.Repeat("x", 200)} {
			if code := storetest.Try(s, func(tx store.Tx) error { _, err := session.KeyOf(tx, id); return err }); code != wit.CodeNotFound {
				t.Errorf("%.20q: got %q", id, code)
			}
		}
	})
}

func TestHistory(t *testing.T) {
	storetest.Both(t, func(t *testing.T, s store.Store) {
		svc := newRig(t, s).svc
		sessiontest.Ensure(t, s, key)
		storetest.Update(t, s, func(tx store.Tx) error {
			for i := range 20 {
				role := wit.RoleUser
				var u *wit.Usage
				if i%2 == 1 {
					role, u = wit.RoleAssistant, &wit.Usage{Input: 10, Output: 1}
				}
				m, err := session.Append(tx, key, session.Message{Role: role, Parts: []wit.Part{session.TextPart(fmt.Sprint("text ", i))}, Usage: u, Model: "m"})
				if err != nil {
					return err
				}
				if m.Number != uint64(i+1) || m.Time == 0 {
					t.Errorf("message %+v", m)
				}
			}
			return nil
		})
		storetest.Update(t, s, func(tx store.Tx) error {
			e, err := session.Get(tx, key)
			if err != nil {
				return err
			}
			if e.Last != 20 || e.Title != "text 0" || e.Preview != "text 19" || e.Usage.Input != 100 || e.Context != 11 || e.Used != "m" {
				t.Errorf("entry %+v", e)
			}
			numbers := func(list []session.Message, err error) string {
				var out []uint64
				for _, m := range list {
					out = append(out, m.Number)
				}
				return fmt.Sprint(out, err)
			}
			for _, c := range []struct{ got, want string }{
				{numbers(svc.Newest(tx, e.SessionID, 0, 3, nil)), "[18 19 20] <nil>"},
				{numbers(svc.Newest(tx, e.SessionID, 18, 3, nil)), "[1 2] <nil>"},
				{numbers(svc.Newest(tx, e.SessionID, 30, 3, nil)), "[] <nil>"},
				{numbers(svc.Newest(tx, e.SessionID, 0, 99, func(m session.Message) bool { return m.Number > 18 })), "[19 20] <nil>"},
				{numbers(svc.After(tx, e.SessionID, 17, 2)), "[18 19] <nil>"},
				{numbers(svc.After(tx, e.SessionID, 20, 2)), "[] <nil>"},
			} {
				if c.got != c.want {
					t.Errorf("got %s, want %s", c.got, c.want)
				}
			}
			return nil
		})
		big := session.Message{Role: wit.RoleUser, Parts: []wit.Part{session.TextPart(strings.Repeat("x", 5<<20))}}
		if code := storetest.Try(s, func(tx store.Tx) error { _, err := session.Append(tx, key, big); return err }); code != wit.CodeTooLarge {
			t.Errorf("a huge message: %q", code)
		}
		if code := storetest.Try(s, func(tx store.Tx) error {
			_, err := session.Append(tx, "agent:main:none", session.Message{})
			return err
		}); code != wit.CodeNotFound {
			t.Errorf("no session: %q", code)
		}
	})
}
