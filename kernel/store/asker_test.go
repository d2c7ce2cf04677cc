package store_test

import (
	"context"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/carapace-gateway/carapace/kernel/store"
)

// asker is the key of who asks, in a context.
type asker struct{}

func as(name string) context.Context { return context.WithValue(context.Background(), asker{}, name) }

// open opens a new file whose askers take turns.
func openForAskers(t *testing.T) *store.DB {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "state.db"), store.Options{Asker: func(ctx context.Context) string {
		name, _ := ctx.Value(asker{}).(string)
		return name
	}})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// TestAFloodOfReads does not hold up somebody else's, however many wait and however long they take.
func TestAFloodOfReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := openForAskers(t)
		defer db.Close()
		release := make(chan struct{})
		var flood sync.WaitGroup
		for range 100 {
			flood.Go(func() {
				if err := db.View(as("flood"), func(store.Tx) error { <-release; return nil }); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		for _, owner := range []string{"owner", "guest"} {
			if err := db.View(as(owner), func(store.Tx) error { return nil }); err != nil { // a deadlock, if it waits
				t.Error(err)
			}
		}
		close(release)
		flood.Wait()
	})
}

// TestAFloodOfUpdates: somebody else's waits for the one that runs, and for no other.
func TestAFloodOfUpdates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db := openForAskers(t)
		defer db.Close()
		var mu sync.Mutex
		var order []string
		update := func(name string, wait <-chan struct{}) {
			if err := db.Update(as(name), func(tx store.Tx) error {
				<-wait
				mu.Lock()
				defer mu.Unlock()
				order = append(order, name)
				return tx.Put("space", name, []byte("1"))
			}); err != nil {
				t.Error(err)
			}
		}
		first, none := make(chan struct{}), make(chan struct{})
		close(none)
		var all sync.WaitGroup
		all.Go(func() { update("flood", first) })
		synctest.Wait()
		for range 100 {
			all.Go(func() { update("flood", none) })
		}
		synctest.Wait()
		all.Go(func() { update("owner", none) })
		synctest.Wait()
		close(first)
		all.Wait()
		if at := slices.Index(order, "owner"); at > 1 {
			t.Errorf("%d updates of the flood were before the owner's", at)
		}
	})
}
