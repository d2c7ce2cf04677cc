package delivery

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/retry"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// What is kept of outcomes, and how often that is looked at.
const (
	keepAge    = 7 * 24 * time.Hour
	keepCount  = 10_000
	pruneDelay = time.Minute
	pruneEvery = time.Hour
	// pruneBatch bounds a transaction, so that a long list does not keep messages waiting.
	pruneBatch = 500
)

// pruner forgets old outcomes, and with them their ids: from then on such an id is a new message.
type pruner struct {
	store store.Store
	log   hclog.Logger
}

// run prunes from time to time until ctx ends.
func (p pruner) run(ctx context.Context) {
	for delay := pruneDelay; retry.Sleep(ctx, delay); delay = pruneEvery {
		p.prune(ctx)
	}
}

func (p pruner) prune(ctx context.Context) {
	for more := true; more; {
		err := p.store.Update(ctx, func(tx store.Tx) (err error) {
			for _, t := range []store.Tally{waitingTally(), heldTally()} { // what an older gateway left is counted once
				if err := t.Add(tx, 0); err != nil {
					return err
				}
			}
			more, err = pruneDone(tx, time.Now().Add(-keepAge).UnixMilli(), keepCount)
			return err
		})
		if err != nil {
			if ctx.Err() == nil {
				p.log.Warn("old outcomes not removed", "error", err)
			}
			return
		}
	}
}

// pruneDone forgets one batch of the outcomes of before (Unix milliseconds) and of those that have keep newer
// messages, queued ones among them. more is true when there may be others. It stops at the first that is to
// stay: keys are in the order of the commits, which is nearly that of the ends, so the rest is left to a later call.
func pruneDone(tx store.Tx, before int64, keep uint64) (more bool, err error) {
	last, err := lastDone(tx)
	if err != nil {
		return more, err
	}
	var old []store.Row[record]
	for row, err := range doneTable.Scan(tx, store.Range{Limit: pruneBatch}) {
		if err != nil && !store.Damaged(err) { // a damaged one ended at time 0
			return more, err
		}
		if row.Value.DoneAt >= before && row.Key > rowKey(last-min(last, keep)) {
			break
		}
		old = append(old, row)
	}
	for _, row := range old {
		if err := doneTable.Delete(tx, row.Key); err != nil {
			return more, err
		}
		if err := idTable.Delete(tx, idKey(row.Value.ID)); err != nil {
			return more, err
		}
	}
	return len(old) == pruneBatch, nil
}

// lastDone is the number of the newest outcome, 0 when there is none.
func lastDone(tx store.Tx) (last uint64, err error) {
	for row, err := range tx.Scan(string(doneTable), store.Range{Limit: 1, Reverse: true}) {
		if err != nil {
			return 0, err
		}
		if _, err := fmt.Sscanf(row.Key, "%x", &last); err != nil {
			return 0, wit.Errorf(wit.CodeInternal, "delivery: the key %q is damaged: %w", row.Key, err)
		}
	}
	return last, nil
}
