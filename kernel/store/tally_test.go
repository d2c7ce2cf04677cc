package store_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
)

// TestATally counts what there was before it, says the same as the records do, is undone with them, and heals.
func TestATally(t *testing.T) {
	storetest.Both(t, func(t *testing.T, s store.Store) {
		pets := store.TallyOf("pets")
		of := func() (n int) {
			t.Helper()
			if err := s.View(t.Context(), func(tx store.Tx) (err error) { n, err = pets.Of(tx); return err }); err != nil {
				t.Fatal(err)
			}
			return n
		}
		want := func(what string, n int) {
			t.Helper()
			if got := of(); got != n {
				t.Errorf("%s: %d, want %d", what, got, n)
			}
		}
		put := func(tx store.Tx, key string) error {
			if err := tx.Insert("pets", key, nil); err != nil {
				return err
			}
			return pets.Add(tx, 1)
		}
		want("of nothing", 0)
		storetest.Update(t, s, func(tx store.Tx) error { return tx.Put("pets", "cat", nil) })
		want("what was there before", 1)
		storetest.Update(t, s, func(tx store.Tx) error { return put(tx, "dog") })
		want("with another one", 2)
		storetest.Update(t, s, func(tx store.Tx) error { return put(tx, "bird") })
		storetest.Update(t, s, func(tx store.Tx) error {
			if err := tx.Delete("pets", "cat"); err != nil {
				return err
			}
			return pets.Add(tx, -1)
		})
		want("without the first", 2)
		if err := s.Update(context.Background(), func(tx store.Tx) error {
			if err := put(tx, "fish"); err != nil {
				return err
			}
			return fmt.Errorf("no fish")
		}); err == nil {
			t.Fatal("the update did not fail")
		}
		want("after what was undone", 2)
		storetest.Update(t, s, func(tx store.Tx) error { return tx.Put("tallies", "pets", []byte("{")) })
		want("with a damaged number", 2)
		storetest.Update(t, s, func(tx store.Tx) error { return put(tx, "frog") })
		want("after the damage", 3)
		storetest.Update(t, s, func(tx store.Tx) error { return tx.Put("tallies", "pets", []byte("7")) })
		want("a wrong number", 7)
		storetest.Update(t, s, func(tx store.Tx) error {
			if wrong, err := pets.Mend(tx); wrong != 4 || err != nil {
				t.Errorf("wrong by %d, %v; want 4", wrong, err)
			}
			return nil
		})
		want("when it was mended", 3)
	})
}
