package session_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
)

// read returns the end of a session's history, with so many bytes of text, once from the store alone.
func (r *rig) read(t *testing.T, key session.Key, limit, budget int) (kept, anew []session.Message) {
	t.Helper()
	within := func() func(session.Message) bool {
		left := budget
		return func(m session.Message) bool { left -= len(m.Text()); return left >= 0 }
	}
	var e session.Entry
	storetest.Update(t, r.store, func(tx store.Tx) (err error) { e, err = session.Get(tx, key); return err })
	reader := r.svc.Reader(e.SessionID)
	if err := r.store.View(t.Context(), func(tx store.Tx) (err error) {
		if kept, err = reader.Newest(tx, limit, within()); err != nil {
			return err
		}
		anew, err = r.svc.Newest(tx, e.SessionID, 0, limit, within())
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return kept, anew
}

// TestKeptHistoriesAreTrue: whatever happens to sessions, also where an id comes again, and however long their messages
// are, what is kept of them is what the store has.
func TestKeptHistoriesAreTrue(t *testing.T) {
	for seed := range uint64(5) {
		random := rand.New(rand.NewPCG(seed, 1))
		r := newRig(t, store.OpenMemory())
		keys := []session.Key{"agent:main:a", "agent:main:b", "agent:main:c"}
		for step := range 200 {
			n := random.IntN(len(keys))
			key := keys[n]
			storetest.Update(t, r.store, func(tx store.Tx) error {
				_, err := session.EnsureAs(tx, key, message.Origin{}, fmt.Sprint("id-", n))
				return err
			})
			switch what := random.IntN(20); {
			case what == 0:
				storetest.Update(t, r.store, func(tx store.Tx) error { _, _, err := session.Reset(tx, key); return err })
			case what == 1:
				storetest.Update(t, r.store, func(tx store.Tx) error { return r.svc.Remove(tx, key, true) })
				if err := r.svc.Sweep(t.Context()); err != nil {
					t.Fatal(err)
				}
				continue
			case what == 2: // it is never committed
				undone := func(tx store.Tx) error {
					_, err := session.Append(tx, key, said(fmt.Sprint("undone ", step), 10))
					return fmt.Errorf("no: %w", err)
				}
				if r.store.Update(t.Context(), undone) == nil {
					t.Fatal("it was committed")
				}
			case what < 14:
				length := random.IntN(200)
				if what == 3 {
					length = 1 << 16
				}
				storetest.Update(t, r.store, func(tx store.Tx) error {
					_, err := session.Append(tx, key, said(fmt.Sprint("step ", step), length))
					return err
				})
			}
			limit, budget := 1+random.IntN(30), random.IntN(3000)
			if random.IntN(4) == 0 {
				budget = 1 << 20
			}
			if kept, anew := r.read(t, key, limit, budget); len(kept) != len(anew) || len(kept) > 0 && !reflect.DeepEqual(kept, anew) {
				t.Fatalf("seed %d, step %d: %d messages are kept, %d are there", seed, step, len(kept), len(anew))
			}
		}
	}
}

// TestKeptHistoriesAreNotReadAgain: of a history that goes on, only what is new is read from the store.
func TestKeptHistoriesAreNotReadAgain(t *testing.T) {
	r := newRig(t, store.OpenMemory())
	r.say(key, "one", "two", "three")
	r.read(t, key, 10, 1000)
	storetest.Update(t, r.store, func(tx store.Tx) error {
		e, err := session.Get(tx, key)
		if err != nil {
			return err
		}
		return tx.Put("history", e.SessionID+"/0000000000000002", []byte("{"))
	})
	r.say(key, "four")
	var texts []string
	kept, anew := r.read(t, key, 10, 1000)
	for _, m := range kept {
		texts = append(texts, m.Text())
	}
	if got := strings.Join(texts, " "); got != "one two three four" || !anew[1].Damaged {
		t.Errorf("read %q", got)
	}
}

func said(text string, length int) session.Message {
	return session.Message{Role: wit.RoleUser, Parts: []wit.Part{session.TextPart(text + strings.Repeat(".", length))}}
}

// BenchmarkWindow reads the end of a history after each message of it, as each request to a model does.
func BenchmarkWindow(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			st, err := store.Open(b.Context(), b.TempDir()+"/state.db", store.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer st.Close()
			svc := session.New(session.Deps{Store: st, Log: hclog.NewNullLogger()})
			var e session.Entry
			add := func(n int) {
				if err := st.Update(context.Background(), func(tx store.Tx) (err error) {
					e, err = session.Ensure(tx, key, message.Origin{})
					for range n {
						if err == nil {
							_, err = session.Append(tx, key, said("", 300))
						}
					}
					return err
				}); err != nil {
					b.Fatal(err)
				}
			}
			add(n)
			b.ReportAllocs()
			for b.Loop() {
				reader := svc.Reader(e.SessionID)
				if err := st.View(context.Background(), func(tx store.Tx) error {
					got, err := reader.Newest(tx, 4000, func(session.Message) bool { return true })
					if len(got) != n {
						b.Fatalf("%d messages", len(got))
					}
					return err
				}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
