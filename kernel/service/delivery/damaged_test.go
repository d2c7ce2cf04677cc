package delivery_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/delivery"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestADamagedMessageHoldsUpNoOther, whether it waits or is over: the others go out, in order, are counted and listed,
// follow their conversation, and are forgotten in time.
func TestADamagedMessageHoldsUpNoOther(t *testing.T) {
	for name, value := range map[string]string{"no JSON": "{", "another type": `{"Held":"yes"}`} {
		inBubble(name, t, func(t *testing.T) {
			w := newWorld(t)
			w.enqueue(outgoing("a", "c", "one"), outgoing("b", "c", "two"), outgoing("d", "c", "three"))
			damage := func(space string, nth int) {
				storetest.Update(t, w.store, func(tx store.Tx) error {
					n := 0
					for rec, err := range tx.Scan(space, store.Range{}) {
						if err != nil {
							return err
						}
						if n++; n == nth {
							return tx.Put(space, rec.Key, []byte(value))
						}
					}
					t.Errorf("%s has %d records", space, n)
					return nil
				})
			}
			damage("delivery.queue", 2)
			s, _ := w.run()
			synctest.Wait()
			w.enqueue(outgoing("e", "c", "four"))
			synctest.Wait()
			if got := strings.Join(w.texts(), " "); got != "one three four" {
				t.Errorf("sends %q", got)
			}
			if q, err := s.Service().Queues(t.Context()); err != nil || q["outbound"] != 1 {
				t.Errorf("queues: %v, %v", q, err)
			}
			storetest.Update(t, w.store, func(tx store.Tx) error {
				return w.queue.Moved(tx, message.Move{Account: message.Account{Channel: "chat", ID: "main"}, From: "c", To: wit.Conversation{ID: "d"}})
			})
			damage("delivery.done", 1)
			var list delivery.ListResult
			if err := call(t, s, "delivery.list", `{"state":"sent"}`, &list); err != nil || len(list.Messages) != 2 {
				t.Errorf("list: %+v, %v", list, err)
			}
			time.Sleep(8 * 24 * time.Hour)
			synctest.Wait()
			storetest.Update(t, w.store, func(tx store.Tx) error {
				for rec := range tx.Scan("delivery.done", store.Range{}) {
					t.Errorf("%s is left", rec.Key)
				}
				return nil
			})
		})
	}
}

// TestADamagedKey keeps everything, since nobody knows what is old.
func TestADamagedKey(t *testing.T) {
	s := store.OpenMemory()
	storetest.Update(t, s, func(tx store.Tx) error { return tx.Put("delivery.done", "no number", []byte("{}")) })
	code := storetest.Try(s, func(tx store.Tx) error {
		_, err := delivery.PruneDone(tx, time.Now().UnixMilli(), 0)
		return err
	})
	if code != wit.CodeInternal {
		t.Errorf("%q", code)
	}
}
