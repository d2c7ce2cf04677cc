package storetest

import (
	"context"
	"iter"
	"sync/atomic"

	"github.com/carapace-gateway/carapace/kernel/store"
)

// Reads is a store that counts the records that are read from it, so that a test can say that something reads as much
// however much is stored. It is safe for concurrent use.
type Reads struct {
	store.Store
	n atomic.Int64
}

// NewReads returns one on top of s.
func NewReads(s store.Store) *Reads { return &Reads{Store: s} }

// Of returns how many records are read while do runs.
func (r *Reads) Of(do func()) int64 {
	before := r.n.Load()
	do()
	return r.n.Load() - before
}

// View implements store.Store.
func (r *Reads) View(ctx context.Context, fn func(store.Tx) error) error {
	return r.Store.View(ctx, func(tx store.Tx) error { return fn(reading{tx, r}) })
}

// Update implements store.Store.
func (r *Reads) Update(ctx context.Context, fn func(store.Tx) error) error {
	return r.Store.Update(ctx, func(tx store.Tx) error { return fn(reading{tx, r}) })
}

// reading is a transaction of Reads.
type reading struct {
	store.Tx
	of *Reads
}

func (r reading) Get(space, key string) ([]byte, error) {
	r.of.n.Add(1)
	return r.Tx.Get(space, key)
}

func (r reading) Scan(space string, part store.Range) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		for rec, err := range r.Tx.Scan(space, part) {
			r.of.n.Add(1)
			if !yield(rec, err) {
				return
			}
		}
	}
}
