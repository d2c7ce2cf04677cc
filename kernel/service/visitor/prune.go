package visitor

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/carapace-gateway/carapace/kernel/store"
)

// Bounds of what is kept for all visitors of an account. Where there is more, the visits go of which nothing was heard for the longest.
const (
	mostVisits = 10_000
	mostBytes  = 256 << 20
)

const (
	lookEvery = time.Hour
	lookBytes = 32 << 20 // that were pushed since the last look
)

// run forgets visits until ctx ends. The error is nil.
func (v *Visits) run(ctx context.Context) error {
	again := time.NewTicker(lookEvery)
	defer again.Stop()
	for {
		v.grown.Store(0)
		if n, err := v.prune(ctx, time.Now()); err != nil && ctx.Err() == nil {
			v.log.Warn("old visits not forgotten", "error", err)
		} else if n > 0 {
			v.log.Info("old visits forgotten", "visits", n)
		}
		select {
		case <-again.C:
		case <-v.full:
		case <-ctx.Done():
			return nil
		}
	}
}

// known is a visit as prune sees it.
type known struct {
	at     string
	record record
}

// prune forgets the visits that are over, and those that are too many, and returns how many these were.
func (v *Visits) prune(ctx context.Context, now time.Time) (n int, err error) {
	byAccount := map[string][]known{}
	err = v.store.View(ctx, func(tx store.Tx) error {
		for row, err := range visitTable.Scan(tx, store.Range{}) {
			if err != nil && !store.Damaged(err) {
				return err
			}
			a := accountOf(row.Key)
			byAccount[a] = append(byAccount[a], known{row.Key, row.Value})
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	for _, list := range byAccount {
		for _, at := range v.surplus(list, now) {
			if err := v.store.Update(ctx, func(tx store.Tx) error { return forget(tx, at) }); err != nil {
				return n, err
			}
			v.wake(at)
			n++
		}
	}
	return n, nil
}

// surplus are the visits of an account that are to be forgotten.
func (v *Visits) surplus(list []known, now time.Time) (out []string) {
	slices.SortFunc(list, func(a, b known) int { return cmp.Compare(b.record.Seen, a.record.Seen) })
	count, size := 0, int64(0)
	for _, k := range list {
		count++
		size += k.record.Bytes
		old := now.Sub(time.UnixMilli(k.record.Seen)) > passTime
		if (old || count > mostVisits || size > mostBytes) && (old || !v.connected(k.at)) {
			out = append(out, k.at)
			size -= k.record.Bytes
			count--
		}
	}
	return out
}
