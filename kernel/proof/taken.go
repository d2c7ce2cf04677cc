package proof

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// takenSpace holds the calls that were taken, by owner, the time that each was signed at and what was signed. So those that
// can no longer come again stand first of each owner's.
const takenSpace = "webhook.taken"

const (
	maxTaken = 50_000 // of one owner
	pruned   = 100    // most that are removed at a time: with each that is added, and where one does not fit
)

// taken remembers calls with a signed time for as long as they could come again.
type taken struct {
	store store.Store

	mu    sync.Mutex
	busy  map[string]bool // calls that are being handled, by key
	count map[string]int  // how many there are in the store, by owner; counted at the owner's first call
}

func newTaken(db store.Store) *taken {
	return &taken{store: db, busy: map[string]bool{}, count: map[string]int{}}
}

// take gives the verdict on an authentic call: it is handed over, or it was before, and is answered as done.
func (t *taken) take(ctx context.Context, owner string, text []byte, signedAt time.Time, window time.Duration) *Verdict {
	sum := sha256.Sum256(text)
	prefix := owner + " "
	key := prefix + sortable(signedAt) + "/" + hex.EncodeToString(sum[:16])
	if !t.begin(key) {
		return again("the same call is being handled")
	}
	known, full, err := t.look(ctx, owner, prefix, key)
	switch {
	case err != nil:
		t.end(key)
		return again("it is not known whether it was taken before: " + err.Error())
	case known:
		t.end(key)
		return &Verdict{Status: http.StatusOK, Reason: "it was taken before"}
	case full && !t.room(ctx, owner, prefix, time.Now().Add(-window)):
		t.end(key)
		return again(fmt.Sprintf("%d calls are remembered, which is the most", maxTaken))
	}
	return &Verdict{release: func(ctx context.Context, isTaken bool) error {
		defer t.end(key)
		if !isTaken {
			return nil
		}
		return t.record(ctx, owner, prefix, key, time.Now().Add(-window))
	}}
}

// sortable writes a time so that texts sort as the times do.
func sortable(at time.Time) string { return fmt.Sprintf("%016x", max(at.UnixMilli(), 0)) }

func (t *taken) begin(key string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.busy[key] {
		return false
	}
	t.busy[key] = true
	return true
}

func (t *taken) end(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.busy, key)
}

// look reports whether a call was taken before, and whether its owner has as many as are remembered.
func (t *taken) look(ctx context.Context, owner, prefix, key string) (known, full bool, err error) {
	t.mu.Lock()
	n, counted := t.count[owner]
	t.mu.Unlock()
	err = t.store.View(ctx, func(tx store.Tx) error {
		if !counted {
			n = 0
			for _, err := range tx.Scan(takenSpace, store.Range{Prefix: prefix}) {
				if err != nil {
					return err
				}
				n++
			}
		}
		_, err := tx.Get(takenSpace, key)
		known = err == nil
		if wit.CodeOf(err) == wit.CodeNotFound {
			return nil
		}
		return err
	})
	if err != nil {
		return false, false, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.count[owner]; !ok {
		t.count[owner] = n
	}
	return known, t.count[owner] >= maxTaken, nil
}

// room removes calls that can no longer come again, and reports whether there were any.
func (t *taken) room(ctx context.Context, owner, prefix string, before time.Time) bool {
	gone := 0
	err := t.store.Update(ctx, func(tx store.Tx) (err error) {
		gone, err = prune(tx, prefix, before)
		return err
	})
	if err != nil {
		return false
	}
	t.counted(owner, -gone)
	return gone > 0
}

// record writes a call down.
func (t *taken) record(ctx context.Context, owner, prefix, key string, before time.Time) error {
	gone := 0
	err := t.store.Update(ctx, func(tx store.Tx) (err error) {
		if gone, err = prune(tx, prefix, before); err != nil {
			return err
		}
		return tx.Put(takenSpace, key, []byte("{}"))
	})
	if err == nil {
		t.counted(owner, 1-gone)
	}
	return err
}

func (t *taken) counted(owner string, change int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.count[owner] += change
}

// prune removes calls that were signed before a time.
func prune(tx store.Tx, prefix string, before time.Time) (gone int, err error) {
	var old []string
	for rec, err := range tx.Scan(takenSpace, store.Range{From: prefix, To: prefix + sortable(before), Limit: pruned}) {
		if err != nil {
			return 0, err
		}
		old = append(old, rec.Key)
	}
	for _, key := range old {
		if err := tx.Delete(takenSpace, key); err != nil {
			return 0, err
		}
	}
	return len(old), nil
}
