package storetest

import (
	"context"
	"fmt"
	"iter"
	"sync"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// AnyOperationMayFail calls do on a new store that prepare has filled, as often as do asks something of transactions:
// each time another one of these operations fails. do has to return that failure, with CodeUnavailable, so that its
// transaction is undone and the caller hears of it.
func AnyOperationMayFail(t *testing.T, prepare func(store.Store), do func(store.Store) error) {
	t.Helper()
	for fail := 1; ; fail++ {
		s := store.OpenMemory()
		prepare(s)
		o := NewBadPage(s, fail)
		err := do(o)
		if o.Operations() < fail { // none has failed
			if err != nil || fail == 1 {
				t.Errorf("with %d operations, none of which fails: %v", o.Operations(), err)
			}
			return
		}
		if wit.CodeOf(err) != wit.CodeUnavailable {
			t.Errorf("%s: %v", o, err)
		}
	}
}

// BadPage is a store of whose transactions' operations one fails, with CodeUnavailable. It is safe for concurrent use.
type BadPage struct {
	store.Store
	fail int

	mu     sync.Mutex
	n      int
	failed string
}

// NewBadPage returns a store on top of s whose fail-th operation fails.
func NewBadPage(s store.Store, fail int) *BadPage { return &BadPage{Store: s, fail: fail} }

// Operations returns how many there were.
func (b *BadPage) Operations() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.n
}

// String says which operation has failed.
func (b *BadPage) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return fmt.Sprintf("operation %d fails, %s", b.fail, b.failed)
}

// View implements store.Store.
func (b *BadPage) View(ctx context.Context, fn func(store.Tx) error) error {
	return b.Store.View(ctx, func(tx store.Tx) error { return fn(counted{tx, b}) })
}

// Update implements store.Store.
func (b *BadPage) Update(ctx context.Context, fn func(store.Tx) error) error {
	return b.Store.Update(ctx, func(tx store.Tx) error { return fn(counted{tx, b}) })
}

// next counts an operation, and returns how it fails.
func (b *BadPage) next(what, space, key string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.n++; b.n != b.fail {
		return nil
	}
	b.failed = fmt.Sprintf("%s %s/%q", what, space, key)
	return wit.NewError(wit.CodeUnavailable, "the disk has a bad page")
}

// counted is a transaction of a BadPage.
type counted struct {
	store.Tx
	of *BadPage
}

func (c counted) Get(space, key string) ([]byte, error) {
	if err := c.of.next("get", space, key); err != nil {
		return nil, err
	}
	return c.Tx.Get(space, key)
}

func (c counted) Put(space, key string, value []byte) error {
	if err := c.of.next("put", space, key); err != nil {
		return err
	}
	return c.Tx.Put(space, key, value)
}

func (c counted) Insert(space, key string, value []byte) error {
	if err := c.of.next("insert", space, key); err != nil {
		return err
	}
	return c.Tx.Insert(space, key, value)
}

func (c counted) Delete(space, key string) error {
	if err := c.of.next("delete", space, key); err != nil {
		return err
	}
	return c.Tx.Delete(space, key)
}

func (c counted) Scan(space string, r store.Range) iter.Seq2[store.Record, error] {
	if err := c.of.next("scan", space, r.Prefix); err != nil {
		return func(yield func(store.Record, error) bool) { yield(store.Record{}, err) }
	}
	return c.Tx.Scan(space, r)
}

func (c counted) Next(space string) (uint64, error) {
	if err := c.of.next("next", space, ""); err != nil {
		return 0, err
	}
	return c.Tx.Next(space)
}
