package archive

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/service/session/sessiontest"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
)

// nobody has no runs.
type nobody struct{}

func (nobody) Pending(store.Tx, session.Key) (session.Pending, error) {
	return session.Pending{}, nil
}
func (nobody) PendingIn(store.Tx, []session.Key) (map[session.Key]session.Pending, error) {
	return nil, nil
}
func (nobody) Version(store.Store) uint64                              { return 0 }
func (nobody) Hold(context.Context, session.Key, bool) (func(), error) { return func() {}, nil }

// speak says something in a session, and lets change change its entry.
func speak(t *testing.T, st store.Store, key session.Key, change func(*session.Entry)) {
	t.Helper()
	storetest.Update(t, st, func(tx store.Tx) error {
		if _, err := session.Ensure(tx, key, message.Origin{}); err != nil {
			return err
		}
		if _, err := session.Append(tx, key, session.Message{Role: wit.RoleUser, Parts: []wit.Part{session.TextPart("hello")}}); err != nil {
			return err
		}
		e, err := session.Get(tx, key)
		if err != nil {
			return err
		}
		change(&e)
		return session.Put(tx, e)
	})
}

// TestRetention puts away what nobody has used for long, and nothing else; all of it can be brought back.
func TestRetention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := store.OpenMemory()
		settings := session.Settings{}
		sessions := session.New(session.Deps{Store: st, Bus: new(event.Bus), Queue: nobody{}, Settings: func() session.Settings { return settings }, Log: hclog.NewNullLogger()})
		ended := 0
		s := New(Deps{Store: st, Sessions: sessions, Log: hclog.NewNullLogger()})
		s.Service(Ports{Runs: nobody{}, Ended: func(context.Context, session.Entry, wit.SessionEnding) { ended++ }})
		speak(t, st, "agent:main:main", func(*session.Entry) {})
		speak(t, st, "agent:main:old", func(*session.Entry) {})
		speak(t, st, "agent:main:pinned", func(e *session.Entry) {
			e.More = map[string]json.RawMessage{"pinned": json.RawMessage("true")}
		})
		speak(t, st, "agent:main:running", func(e *session.Entry) { e.LastRunState = session.RunRunning })
		time.Sleep(31 * 24 * time.Hour)
		speak(t, st, "agent:main:late", func(*session.Entry) {})
		put := func(want int) {
			t.Helper()
			if n, err := s.putOldAway(t.Context(), time.Now()); n != want || err != nil {
				t.Fatalf("%d put away, %v; want %d", n, err, want)
			}
		}
		put(0) // without a setting
		settings.Keep = 30 * 24 * time.Hour
		put(1)
		list, err := s.listArchives(t.Context(), ArchivesParams{})
		if err != nil || list.Total != 1 || list.Archives[0].Key != "agent:main:old" || !list.Archives[0].HistoryDeleted || ended != 1 {
			t.Fatalf("%+v, %v, %d ended", list, err, ended)
		}
		put(0)
		if _, err := s.restore(t.Context(), ArchivedParams{Key: "old"}); err != nil {
			t.Fatal(err)
		}
		if back := sessiontest.Messages(t, st, "agent:main:old"); len(back) != 1 || back[0].Text() != "hello" {
			t.Errorf("%+v", back)
		}
		settings = session.Settings{KeepAnonymous: 24 * time.Hour}
		speak(t, st, settings.Anonymous("main", "1"), func(*session.Entry) {})
		speak(t, st, settings.Caller("main", "openai-user", "ann"), func(*session.Entry) {})
		put(0)
		time.Sleep(25 * time.Hour)
		put(1)
	})
}

// broken is a folder that cannot be written while it is full.
type broken struct {
	Memory
	full bool
}

func (b *broken) Write(name string, data []byte) error {
	if b.full {
		return wit.NewError(wit.CodeUnavailable, "the disk is full")
	}
	return b.Memory.Write(name, data)
}

// TestRetentionArchivesFirst: a conversation leaves the store only with a file that has all of it, whichever step fails or is cut
// off by a crash, and it does so later.
func TestRetentionArchivesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		inside := store.OpenMemory()
		for step := 1; ; step++ {
			faulty, folder := storetest.NewFaulty(inside), &broken{full: step == 1}
			settings := session.Settings{Keep: 30 * 24 * time.Hour}
			boot := func(st store.Store) (*session.Service, *Service) {
				sessions := session.New(session.Deps{Store: st, Bus: new(event.Bus), Queue: nobody{}, Settings: func() session.Settings { return settings }, Log: hclog.NewNullLogger()})
				s := New(Deps{Store: st, Sessions: sessions, Folder: folder, Log: hclog.NewNullLogger()})
				s.Service(Ports{Runs: nobody{}, Ended: func(context.Context, session.Entry, wit.SessionEnding) {}})
				return sessions, s
			}
			key := session.Key(fmt.Sprintf("agent:main:trip%d", step))
			speak(t, inside, key, func(*session.Entry) {})
			time.Sleep(31 * 24 * time.Hour)
			_, s := boot(faulty)
			if step > 1 {
				faulty.Fail(storetest.FaultCommit, step-1, 1)
			}
			_, failed := s.putOldAway(t.Context(), time.Now())
			if step > 1 && failed == nil && faulty.Transactions() < step-1 {
				return // all steps have failed once
			}
			// Whatever has happened, the conversation is whole in the store or in a file that is known.
			sessions, s := boot(inside)
			if err := sessions.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := s.putOldAway(t.Context(), time.Now()); step > 1 && err != nil {
				t.Fatalf("step %d: %v", step, err)
			}
			folder.full = false
			if _, err := s.putOldAway(t.Context(), time.Now()); err != nil {
				t.Fatalf("step %d: %v", step, err)
			}
			if _, err := s.restore(t.Context(), ArchivedParams{Key: string(key)}); err != nil {
				t.Fatalf("step %d: %v", step, err)
			}
			if back := sessiontest.Messages(t, inside, key); len(back) != 1 || back[0].Text() != "hello" {
				t.Fatalf("step %d: %+v", step, back)
			}
			storetest.Update(t, inside, func(tx store.Tx) error { return sessions.Remove(tx, key, true) })
		}
	})
}
