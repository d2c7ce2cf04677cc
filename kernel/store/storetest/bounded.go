package storetest

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/carapace-gateway/carapace/kernel/store"
)

// Bounded returns a store on top of s that panics when it is asked for more than most transactions. In a bubble of
// testing/synctest that ends a test which would never end: one whose subject goes round without a pause, or tries again
// for ever while the test waits for it. How fast the machine is makes no difference.
func Bounded(s store.Store, most int64) store.Store { return &bounded{Store: s, most: most} }

type bounded struct {
	store.Store
	most int64
	n    atomic.Int64
}

func (b *bounded) count() {
	if b.n.Add(1) > b.most {
		panic(fmt.Sprintf("storetest: more than %d transactions: something goes round and round", b.most))
	}
}

// View implements store.Store.
func (b *bounded) View(ctx context.Context, fn func(store.Tx) error) error {
	b.count()
	return b.Store.View(ctx, fn)
}

// Update implements store.Store.
func (b *bounded) Update(ctx context.Context, fn func(store.Tx) error) error {
	b.count()
	return b.Store.Update(ctx, fn)
}
