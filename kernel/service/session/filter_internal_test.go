package session

import (
	"fmt"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
)

// crowd makes sessions, each of somebody else, of whom one in a hundred writes from mail.
func crowd(t testing.TB, db store.Store, n int) {
	t.Helper()
	for first := 0; first < n; first += 1000 {
		if err := db.Update(t.Context(), func(tx store.Tx) error {
			for i := first; i < min(first+1000, n); i++ {
				from := message.Origin{Channel: "chat", Account: "bot", Conversation: &wit.Conversation{ID: fmt.Sprint(i)}, Sender: &wit.Person{ID: fmt.Sprint("u", i)}}
				if i%100 == 0 {
					from.Channel = "mail"
				}
				k := Key(fmt.Sprint("agent:main:chat:dm:u", i))
				if _, err := Ensure(tx, k, from); err != nil {
					return err
				}
				if _, err := Append(tx, k, Message{Role: wit.RoleUser, Parts: []wit.Part{TextPart(fmt.Sprintf("question %d about a thing or two, of the length that questions have", i))}}); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// TestASecondListReadsLittle: what lists are filtered by is kept for a minute, and what was written since is read, and no more.
func TestASecondListReadsLittle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const many = 3000
		reads := storetest.NewReads(store.OpenMemory())
		s := newSessions(reads, "main")
		if err := s.Arrange(t.Context()); err != nil {
			t.Fatal(err)
		}
		crowd(t, reads, many)
		list := func(p ListParams, total int) int64 {
			t.Helper()
			p.Limit = 10
			return reads.Of(func() {
				if res, err := s.List(t.Context(), p, Defaults{}); err != nil || res.TotalCount != total || len(res.Sessions) != min(total, 10) {
					t.Errorf("%+v: %d of %d, %v", p, len(res.Sessions), res.TotalCount, err)
				}
			})
		}
		if n := list(ListParams{Channel: "mail"}, many/100); n < many {
			t.Errorf("the first one reads %d records", n)
		}
		for _, c := range []struct {
			p     ListParams
			total int
		}{{ListParams{Channel: "mail"}, 30}, {ListParams{UserID: "u77"}, 1}, {ListParams{Search: "QUESTION 29"}, 111}, {ListParams{ExcludeSubagents: true}, many}, {ListParams{Label: "none"}, 0}} {
			if n := list(c.p, c.total); n > 30 {
				t.Errorf("%+v reads %d records", c.p, n)
			}
		}
		storetest.Update(t, reads, func(tx store.Tx) error {
			_, err := Append(tx, "agent:main:chat:dm:u5", Message{Role: wit.RoleUser, Parts: []wit.Part{TextPart("a lighthouse")}})
			return err
		})
		if n := list(ListParams{Search: "lighthouse"}, 1); n > 30 {
			t.Errorf("after a message, %d records are read", n)
		}
		time.Sleep(filterIdle + time.Second)
		synctest.Wait()
		if s.filterIndex.facts != nil {
			t.Error("what nobody asks for is kept")
		}
		if n := list(ListParams{UserID: "u77"}, 1); n < many {
			t.Errorf("after a minute, %d records are read", n)
		}
	})
}

// BenchmarkFilter is a page of twenty thousand sessions with a filter: the first one, which reads all, and one that follows a
// message.
func BenchmarkFilter(b *testing.B) {
	db, err := store.Open(b.Context(), filepath.Join(b.TempDir(), "state.db"), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	s := newSessions(db, "main")
	if err := s.Arrange(b.Context()); err != nil {
		b.Fatal(err)
	}
	crowd(b, db, 20_000)
	for name, p := range map[string]ListParams{
		"channel": {Channel: "chat"}, "user": {UserID: "u7000"}, "search": {Search: "question 19"}, "status": {Status: "done"}, "label": {Label: "none"},
	} {
		p.Limit = 50
		for _, first := range []bool{true, false} {
			b.Run(fmt.Sprintf("%s/first=%t", name, first), func(b *testing.B) {
				for b.Loop() {
					b.StopTimer()
					if first {
						s.filterIndex.forget()
					}
					if err := db.Update(b.Context(), func(tx store.Tx) error {
						_, err := Append(tx, "agent:main:chat:dm:u5", Message{Role: wit.RoleUser, Parts: []wit.Part{TextPart("more")}})
						return err
					}); err != nil {
						b.Fatal(err)
					}
					b.StartTimer()
					if _, err := s.List(b.Context(), p, Defaults{}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		b.ReportMetric(float64(s.filterIndex.size)/1e6, "MB")
	}
}
