package storetest

import (
	"context"
	"sync"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Fault is how a transaction of a Faulty fails, with CodeUnavailable each time.
type Fault string

const (
	// FaultBefore refuses a transaction that is not begun.
	FaultBefore Fault = "before"
	// FaultCommit undoes an update that was carried out, as a full disk does; a view fails at its end.
	FaultCommit Fault = "commit"
)

// Faulty is a store whose transactions fail when a test says so. It is safe for concurrent use.
type Faulty struct {
	store store.Store

	mu          sync.Mutex
	n           int // transactions so far
	first, most int // which fail: from 1
	fault       Fault
}

// NewFaulty returns a store on top of s. Nothing fails before Fail. Closing it leaves s open, as a disk is left when
// its program ends.
func NewFaulty(s store.Store) *Faulty { return &Faulty{store: s} }

// Fail has transactions fail: the first, counted from 1 and from now on, and those behind it, most in all.
func (f *Faulty) Fail(fault Fault, first, most int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n, f.fault, f.first, f.most = 0, fault, first, most
}

// Transactions returns how many there were since Fail was called last.
func (f *Faulty) Transactions() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.n
}

// next counts a transaction and returns how it fails; empty is not at all.
func (f *Faulty) next() Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n++
	if f.n < f.first || f.n >= f.first+f.most {
		return ""
	}
	return f.fault
}

// View implements store.Store.
func (f *Faulty) View(ctx context.Context, fn func(store.Tx) error) error {
	return f.run(ctx, f.store.View, fn)
}

// Update implements store.Store.
func (f *Faulty) Update(ctx context.Context, fn func(store.Tx) error) error {
	return f.run(ctx, f.store.Update, fn)
}

func (f *Faulty) run(ctx context.Context, transact func(context.Context, func(store.Tx) error) error, fn func(store.Tx) error) error {
	fault := f.next()
	if fault == FaultBefore {
		return wit.NewError(wit.CodeUnavailable, "the disk is full")
	}
	return transact(ctx, func(tx store.Tx) error {
		if err := fn(tx); err != nil || fault == "" {
			return err
		}
		return wit.NewError(wit.CodeUnavailable, "the disk is full")
	})
}

// Version implements store.Store.
func (f *Faulty) Version(space string) uint64 { return f.store.Version(space) }

// Since implements store.Store.
func (f *Faulty) Since(space string, version uint64) ([]string, bool) {
	return f.store.Since(space, version)
}

// Rest implements store.Store.
func (f *Faulty) Rest() { f.store.Rest() }

// Close implements store.Store.
func (f *Faulty) Close() error { return nil }
