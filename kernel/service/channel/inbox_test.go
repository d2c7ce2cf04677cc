package channel_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/channel"
	"github.com/carapace-gateway/carapace/kernel/store"
)

// inbox counts the records.
func (w *world) inbox() (entries, order int) {
	_ = w.store.View(context.Background(), func(tx store.Tx) error {
		for range tx.Scan("channel.inbox", store.Range{}) {
			entries++
		}
		for range tx.Scan("channel.inbox.order", store.Range{}) {
			order++
		}
		return nil
	})
	return entries, order
}

func TestOldInboxRecordsGo(t *testing.T) {
	inBubble("by age", t, func(t *testing.T) {
		w := newWorld(t, listener(func(string) error { return nil }))
		s, _ := w.run()
		synctest.Wait()
		post(s, "/plugins/chat/main/in", "old")
		time.Sleep(20 * 24 * time.Hour)
		synctest.Wait()
		post(s, "/plugins/chat/main/in", "new")
		time.Sleep(11 * 24 * time.Hour)
		synctest.Wait()
		if n, order := w.inbox(); n != 1 || order != 1 {
			t.Errorf("%d records, %d in order", n, order)
		}
		post(s, "/plugins/chat/main/in", "new")
		if n := len(w.turns()); n != 2 {
			t.Errorf("%d turns: a recent message was taken twice", n)
		}
	})
	inBubble("by count", t, func(t *testing.T) {
		w := newWorld(t, listener(func(string) error { return nil }))
		s, _ := w.run()
		synctest.Wait()
		for i := range 1200 {
			post(s, "/plugins/chat/main/in", fmt.Sprint("m", i))
		}
		batches := 0
		for more := true; more; batches++ {
			err := w.store.Update(t.Context(), func(tx store.Tx) (err error) {
				more, err = channel.PruneInbox(tx, 0, 100)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if n, order := w.inbox(); n != 100 || order != 100 || batches != 3 {
			t.Errorf("%d records, %d in order, %d batches", n, order, batches)
		}
		post(s, "/plugins/chat/main/in", "m1150")
		post(s, "/plugins/chat/main/in", "next")
		if n, _ := w.inbox(); n != 101 {
			t.Errorf("%d records after one old and one new message", n)
		}
	})
}
