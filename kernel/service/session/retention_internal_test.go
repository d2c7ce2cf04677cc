package session

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
)

// nobody has no runs.
type nobody struct{}

func (nobody) Pending(store.Tx, Key) (Pending, error)               { return Pending{}, nil }
func (nobody) PendingIn(store.Tx, []Key) (map[Key]Pending, error)   { return nil, nil }
func (nobody) Version(store.Store) uint64                           { return 0 }
func (nobody) Hold(context.Context, Key, bool) (func(), error)      { return func() {}, nil }
func (nobody) Defaults(context.Context) Defaults                    { return Defaults{} }
func (nobody) Check(_ context.Context, name string) (string, error) { return name, nil }

// TestRetention puts away what nobody has used for long, and nothing else; all of it can be brought back.
func TestRetention(t *testing.T) {
	st := store.OpenMemory()
	settings := Settings{}
	s := New(Deps{Store: st, Bus: new(event.Bus), Queue: nobody{}, Settings: func() Settings { return settings }, Log: hclog.NewNullLogger()})
	ended := 0
	m := methods{s, Ports{Runs: nobody{}, Models: nobody{}, Ended: func(context.Context, Entry, wit.SessionEnding) { ended++ }}}
	storetest.Update(t, st, func(tx store.Tx) error {
		for _, key := range []Key{"agent:main:main", "agent:main:old", "agent:main:pinned", "agent:main:running", "agent:main:late"} {
			e, err := Ensure(tx, key, message.Origin{})
			if err != nil {
				return err
			}
			if _, err := Append(tx, key, Message{Role: wit.RoleUser, Parts: []wit.Part{TextPart("hello")}}); err != nil {
				return err
			}
			if e, err = Get(tx, key); err != nil {
				return err
			}
			switch e.Key.Rest() {
			case "pinned":
				e.Choices.More = map[string]json.RawMessage{"pinned": json.RawMessage("true")}
			case "running":
				e.LastRunState = RunRunning
			case "late":
				e.Updated = time.Now().Add(40 * 24 * time.Hour).UnixMilli()
			}
			if err := write(tx, &e); err != nil {
				return err
			}
		}
		return nil
	})
	later := time.Now().Add(31 * 24 * time.Hour)
	if n, err := m.putOldAway(t.Context(), later); n != 0 || err != nil {
		t.Fatalf("without a setting: %d, %v", n, err)
	}
	settings.Keep = 30 * 24 * time.Hour
	if n, err := m.putOldAway(t.Context(), later); n != 1 || err != nil || ended != 1 {
		t.Fatalf("%d, %v, %d ended", n, err, ended)
	}
	list, err := s.listArchives(t.Context(), ArchivesParams{})
	if err != nil || list.Total != 1 || list.Archives[0].Key != "agent:main:old" || !list.Archives[0].HistoryDeleted {
		t.Fatalf("%+v, %v", list, err)
	}
	if n, err := m.putOldAway(t.Context(), later); n != 0 || err != nil {
		t.Errorf("again: %d, %v", n, err)
	}
	if _, err := m.restore(t.Context(), ArchivedParams{Key: "old"}); err != nil {
		t.Fatal(err)
	}
	loaded, err := m.load(t.Context(), LoadParams{Key: "old"})
	if err != nil || loaded.MessageCount != 1 || loaded.Messages[0].Content != "hello" {
		t.Errorf("%+v, %v", loaded, err)
	}
}
