package channel_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/store"
)

// entries counts the records.
func (w *world) entries() (entries, order int) {
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
		if n, order := w.entries(); n != 1 || order != 1 {
			t.Errorf("%d records, %d in order", n, order)
		}
		post(s, "/plugins/chat/main/in", "new")
		if n := len(w.turns()); n != 2 {
			t.Errorf("%d turns: a recent message was taken twice", n)
		}
	})
}
