package schedule_test

import (
	"context"
	"fmt"
	"iter"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/schedule"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
)

// reads counts the records that are read of a store.
type reads struct {
	store.Store
	n atomic.Int64
}

func (r *reads) View(ctx context.Context, fn func(store.Tx) error) error {
	return r.Store.View(ctx, func(tx store.Tx) error { return fn(readTx{tx, r}) })
}

func (r *reads) Update(ctx context.Context, fn func(store.Tx) error) error {
	return r.Store.Update(ctx, func(tx store.Tx) error { return fn(readTx{tx, r}) })
}

type readTx struct {
	store.Tx
	of *reads
}

func (t readTx) Get(space, key string) ([]byte, error) {
	t.of.n.Add(1)
	return t.Tx.Get(space, key)
}

func (t readTx) Scan(space string, r store.Range) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		for rec, err := range t.Tx.Scan(space, r) {
			if t.of.n.Add(1); !yield(rec, err) {
				return
			}
		}
	}
}

// TestWhatIsNotDueIsNotRead: an hour of a job that is due each minute, and of looking for what was left, costs the same
// beside a thousand that are due later.
func TestWhatIsNotDueIsNotRead(t *testing.T) {
	cost := func(others int) (n int64) {
		inBubble(t, func(b *bench) {
			b.add("each", schedule.Spec{EveryMs: 60_000})
			for i := range others {
				b.add(fmt.Sprint("later", i), schedule.Spec{At: b.in(24 * time.Hour)})
			}
			b.stop()
			counting := &reads{Store: b.store}
			b.store = counting
			b.boot()
			b.sleep(time.Minute)
			counting.n.Store(0)
			b.sleep(time.Hour)
			n = counting.n.Load()
		})
		return n
	}
	few, many := cost(1), cost(999)
	if few == 0 || many != few {
		t.Errorf("%d records are read beside one job, %d beside 999", few, many)
	}
}

// TestARunBegunBeforeThereWasARecordOfIt is taken up all the same.
func TestARunBegunBeforeThereWasARecordOfIt(t *testing.T) {
	inBubble(t, func(b *bench) {
		b.stop()
		b.handler.Resumable = true
		b.handler.Fire = func(ctx context.Context, f schedule.Firing) (schedule.Result, error) {
			select {
			case <-ctx.Done():
				return schedule.Result{}, ctx.Err()
			case <-time.After(10 * time.Second):
				return schedule.Result{}, nil
			}
		}
		b.boot()
		b.add("once", schedule.Spec{At: b.in(time.Second)})
		b.sleep(2 * time.Second)
		b.kill()
		storetest.Update(b.T, b.store, func(tx store.Tx) error { return tx.Delete("schedule.begun", "cron\x00once") })
		b.boot()
		b.sleep(20 * time.Second)
		b.wantFired("once@1", "once@2/2")
	})
}
