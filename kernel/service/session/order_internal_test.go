package session

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
)

// quiet is a queue with nothing in it.
type quiet struct{}

func (quiet) Pending(store.Tx, Key) (Pending, error)             { return Pending{}, nil }
func (quiet) PendingIn(store.Tx, []Key) (map[Key]Pending, error) { return nil, nil }
func (quiet) Version(store.Store) uint64                         { return 0 }

func newSessions(s store.Store, agents ...string) *Service {
	return New(Deps{
		Store: s, Bus: &event.Bus{}, Queue: quiet{}, Log: hclog.NewNullLogger(), Settings: func() Settings { return Settings{Agents: agents} },
	})
}

// selections are ways to ask for sessions that their places answer.
func selections(t *testing.T, s *Service) (list []selection) {
	t.Helper()
	for _, archived := range []string{"", "true", `"all"`} {
		for _, p := range []ListParams{{}, {AgentID: "main"}, {ConfiguredAgentsOnly: true}, {ActiveMinutes: 3}, {ActiveMinutes: 3, AgentID: "main"}} {
			if archived != "" {
				p.Archived = json.RawMessage(archived)
			}
			q, err := s.selection(p, time.Now().UnixMilli())
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, q)
		}
	}
	return list
}

// filters are ways to ask for sessions that what is in them answers.
func filters(t *testing.T, s *Service) (list []selection) {
	t.Helper()
	for _, p := range []ListParams{
		{Search: "S1"}, {Search: "hello"}, {Channel: "chat"}, {Channel: noChannel}, {UserID: "ann"}, {Status: "done"}, {ExcludeSubagents: true},
		{Label: "label 1"}, {Label: "label 2", Archived: json.RawMessage("true")}, {Search: "label", Archived: json.RawMessage(`"all"`), ActiveMinutes: 3},
	} {
		q, err := s.selection(p, time.Now().UnixMilli())
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, q)
	}
	return list
}

func shown(page []Entry) string {
	var b strings.Builder
	for _, e := range page {
		fmt.Fprintf(&b, "%s %d %v\n", e.Key, e.Updated, e.Archived())
	}
	return b.String()
}

// agree fails where a page by the order is not that of a scan.
func agree(t *testing.T, s *Service, db store.Store, after string) {
	t.Helper()
	if err := db.View(t.Context(), func(tx store.Tx) error {
		for _, q := range selections(t, s) {
			for _, part := range [][2]int{{0, 3}, {2, 4}, {0, 100}, {50, 5}} {
				want, all, err := s.filtered(tx, q, part[0], part[1])
				if err != nil {
					return err
				}
				got, total, err := s.ordered(tx, q, part[0], part[1])
				if err != nil || total != all || shown(got) != shown(want) {
					t.Fatalf("after %s: %+v from %d, %d of them:\n%s, of %d, %v\nand a scan finds\n%s, of %d", after, q.ListParams, part[0], part[1], shown(got), total, err, shown(want), all)
				}
			}
		}
		for _, q := range filters(t, s) {
			want, all, err := newSessions(db, "main").filtered(tx, q, 1, 3) // which has kept nothing
			if err != nil {
				return err
			}
			got, total, err := s.page(tx, q, 1, 3)
			if err != nil || total != all || shown(got) != shown(want) {
				t.Fatalf("after %s: %+v:\n%s, of %d, %v\nand a scan finds\n%s, of %d", after, q.ListParams, shown(got), total, err, shown(want), all)
			}
		}
		for row, err := range entries.Scan(tx, store.Range{}) {
			if err != nil {
				return err
			}
			label := row.Value.Label
			if found, err := labelled(tx, label); label != "" && (found != row.Value.Key || err != nil) {
				t.Fatalf("after %s: %s is the label of %q, %v, want %q", after, label, found, err, row.Value.Key)
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if wrong, _, err := s.misplaced(t.Context()); wrong != 0 || err != nil {
		t.Fatalf("after %s: the doctor finds %d wrong, %v", after, wrong, err)
	}
}

// operations change sessions in every way there is.
var operations = []struct {
	name string
	do   func(s *Service, tx store.Tx, r *rand.Rand, k Key) error
}{
	{"ensure", func(_ *Service, tx store.Tx, _ *rand.Rand, k Key) error {
		_, err := Ensure(tx, k, message.Origin{})
		return err
	}},
	{"route", func(_ *Service, tx store.Tx, r *rand.Rand, k Key) error {
		_, err := Ensure(tx, k, message.Origin{Channel: "chat", Account: "bot", Conversation: &wit.Conversation{ID: fmt.Sprint(r.IntN(2))}, Sender: &wit.Person{ID: []string{"ann", "bea"}[r.IntN(2)]}})
		return err
	}},
	{"append", func(_ *Service, tx store.Tx, _ *rand.Rand, k Key) error {
		_, err := Append(tx, k, Message{Role: wit.RoleUser, Parts: []wit.Part{TextPart("hello")}})
		return err
	}},
	{"archive", func(_ *Service, tx store.Tx, r *rand.Rand, k Key) error {
		e, err := Get(tx, k)
		if err != nil {
			return err
		}
		e.More = map[string]json.RawMessage{"archived": json.RawMessage(fmt.Sprint(r.IntN(2) == 0))}
		return Put(tx, e)
	}},
	{"label", func(_ *Service, tx store.Tx, r *rand.Rand, k Key) error {
		e, err := Get(tx, k)
		if err != nil {
			return err
		}
		e.Label = ""
		if label := fmt.Sprint("label ", r.IntN(4)); r.IntN(3) > 0 && unique(tx, k, label, true) == nil {
			e.Label = label
		}
		return Put(tx, e)
	}},
	{"reset", func(_ *Service, tx store.Tx, _ *rand.Rand, k Key) error { _, _, err := Reset(tx, k); return err }},
	{"delete", func(s *Service, tx store.Tx, r *rand.Rand, k Key) error { return s.Remove(tx, k, r.IntN(2) == 0) }},
	{"start", func(_ *Service, tx store.Tx, _ *rand.Rand, k Key) error {
		_, err := RunStarted(tx, k, "r1", false)
		return err
	}},
	{"end", func(_ *Service, tx store.Tx, _ *rand.Rand, k Key) error { return RunEnded(tx, k, "r1", "done", "") }},
	{"move", func(_ *Service, tx store.Tx, r *rand.Rand, _ Key) error {
		return Moved(tx, message.Move{Account: message.Account{Channel: "chat", ID: "bot"}, From: "0", To: wit.Conversation{ID: "1"}})
	}},
	{"a wrong clock", func(_ *Service, tx store.Tx, r *rand.Rand, k Key) error {
		e, err := Get(tx, k)
		if err != nil {
			return err
		}
		e.Updated += int64(r.IntN(3)) * 5 * ahead
		if r.IntN(2) == 0 {
			e.Created = e.Updated
		}
		return write(tx, &e)
	}},
}

// TestTheOrderIsThatOfAScan: whatever is done to sessions and undone by crashes, while the order is made and after.
func TestTheOrderIsThatOfAScan(t *testing.T) {
	for seed := range uint64(8) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 0))
			faulty := storetest.NewFaulty(store.OpenMemory())
			s := newSessions(faulty, "main")
			keys := []Key{"agent:main:main", "agent:other:main"}
			for n := range 8 {
				keys = append(keys, Key(fmt.Sprintf("agent:%s:s%d", []string{"main", "other"}[n%2], n)))
			}
			ordered := false
			for range 250 {
				op := operations[r.IntN(len(operations))]
				if r.IntN(5) == 0 {
					faulty.Fail(storetest.FaultCommit, 1, 1)
				}
				_ = faulty.Update(t.Context(), func(tx store.Tx) error { return op.do(s, tx, r, keys[r.IntN(len(keys))]) })
				faulty.Fail(storetest.FaultCommit, 1, r.IntN(2))
				if !ordered && r.IntN(8) == 0 {
					err := faulty.Update(t.Context(), func(tx store.Tx) (err error) { ordered, err = s.arrange(tx, 3); return err })
					ordered = ordered && err == nil
				}
				faulty.Fail(storetest.FaultCommit, 0, 0)
				if ordered && r.IntN(4) == 0 {
					agree(t, s, faulty, op.name)
				}
				time.Sleep(time.Duration(r.IntN(30)) * time.Second)
			}
			if !ordered {
				t.Error("the order was never made")
			}
		})
	}
}

// TestTheOrderOfAnOldState is made once, by pages, and what an older program has written since is found by the doctor.
func TestTheOrderOfAnOldState(t *testing.T) {
	db := store.OpenMemory()
	s := newSessions(db)
	const n = 2*orderBatch + 1
	written := func(tx store.Tx, i int) error {
		k := Key(fmt.Sprintf("agent:main:%d", i))
		return entries.Put(tx, string(k), Entry{Key: k, SessionID: fmt.Sprint(i), Created: 1, Updated: int64(i % 7), Choices: Choices{Label: fmt.Sprint("no ", i)}})
	}
	storetest.Update(t, db, func(tx store.Tx) error {
		for i := range n {
			if err := written(tx, i); err != nil {
				return err
			}
		}
		return nil
	})
	counting := storetest.NewFaulty(db)
	counting.Fail("", 0, 0)
	if err := newSessions(counting).Arrange(t.Context()); err != nil || counting.Transactions() != 4 { // a look, and three pages
		t.Fatalf("%d transactions, %v", counting.Transactions(), err)
	}
	agree(t, s, db, "the order was made")
	if err := newSessions(counting).Arrange(t.Context()); err != nil || counting.Transactions() != 5 {
		t.Errorf("and again: %d transactions, %v", counting.Transactions(), err)
	}
	if c := s.check(t.Context()); !c.OK || c.Warning || c.Message != service.Count(n, "session")+", each in its place" {
		t.Errorf("%+v", c)
	}
	for name, spoil := range map[string]func(tx store.Tx) error{
		"new entries": func(tx store.Tx) error { return written(tx, n+r2(tx)) },
		"another time": func(tx store.Tx) error {
			return entries.Put(tx, "agent:main:3", Entry{Key: "agent:main:3", Updated: 99})
		},
		"a wrong number":   func(tx store.Tx) error { return counts.Put(tx, "a/main", 7) },
		"a number lost":    func(tx store.Tx) error { return counts.Delete(tx, "a/main") },
		"a damaged number": func(tx store.Tx) error { return tx.Put(string(counts), "a/main", []byte("{")) },
		"a lost label":     func(tx store.Tx) error { return labels.Delete(tx, "no 5") },
		"a label too many": func(tx store.Tx) error { return labels.Put(tx, "nobody's", "agent:main:5") },
		"a place too many": func(tx store.Tx) error { return tx.Put(order, placeFrom(inUse, 5)+"agent:main:x", nil) },
		"a damaged entry":  func(tx store.Tx) error { return tx.Put(string(entries), "agent:main:8", []byte("{")) },
	} {
		storetest.Update(t, db, spoil)
		if c := s.check(t.Context()); !c.OK || !c.Warning || !strings.Contains(c.Message, "made anew") {
			t.Errorf("%s: %+v", name, c)
		}
		if c := s.check(t.Context()); !c.OK || c.Warning {
			t.Errorf("%s, mended: %+v", name, c)
		}
	}
}

func r2(tx store.Tx) int { n, _ := tx.Next("test"); return int(n) }

// TestADamagedOrder keeps nobody from a list, nor from a session.
func TestADamagedOrder(t *testing.T) {
	for name, spoil := range map[string]func(tx store.Tx) error{
		"a number":        func(tx store.Tx) error { return tx.Put(string(counts), "a/main", []byte("{")) },
		"its making":      func(tx store.Tx) error { return tx.Put(string(orderings), theOrdering, []byte("{")) },
		"a label":         func(tx store.Tx) error { return tx.Put(string(labels), "mine", []byte("{")) },
		"an entry":        func(tx store.Tx) error { return tx.Put(string(entries), "agent:main:gone", []byte("{")) },
		"a place of none": func(tx store.Tx) error { return tx.Put(order, placeFrom(inUse, 1<<60)+"agent:main:x", nil) },
	} {
		t.Run(name, func(t *testing.T) {
			db := store.OpenMemory()
			s := newSessions(db)
			if err := s.Arrange(t.Context()); err != nil {
				t.Fatal(err)
			}
			storetest.Update(t, db, func(tx store.Tx) error {
				for _, k := range []Key{"agent:main:a", "agent:main:gone"} {
					e, err := Ensure(tx, k, message.Origin{})
					if err != nil {
						return err
					}
					if e.Label = ""; k == "agent:main:a" {
						e.Label = "mine"
					}
					if err := Put(tx, e); err != nil {
						return err
					}
				}
				return spoil(tx)
			})
			storetest.Update(t, db, func(tx store.Tx) error {
				if _, err := Ensure(tx, "agent:main:b", message.Origin{}); err != nil {
					return err
				}
				e, err := Get(tx, "agent:main:a")
				if err != nil {
					return err
				}
				e.Label = "ours"
				return Put(tx, e)
			})
			res, err := s.List(context.Background(), ListParams{}, Defaults{})
			var found []Key
			for _, row := range res.Sessions {
				found = append(found, row.Key)
			}
			if err != nil || !slices.Contains(found, "agent:main:a") || !slices.Contains(found, "agent:main:b") {
				t.Errorf("%v %v", found, err)
			}
			if _, err := s.List(context.Background(), ListParams{Label: "ours"}, Defaults{}); err != nil {
				t.Error(err)
			}
		})
	}
}
