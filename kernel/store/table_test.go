package store_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestADamagedRecord is told from a store that fails, and does not end a scan that goes on.
func TestADamagedRecord(t *testing.T) {
	const table store.Table[int] = "numbers"
	s := store.OpenMemory()
	t.Cleanup(func() { s.Close() })
	storetest.Update(t, s, func(tx store.Tx) error {
		for _, key := range []string{"a", "c", "e"} {
			if err := table.Put(tx, key, 1); err != nil {
				return err
			}
		}
		for key, value := range map[string]string{"b": "{", "d": `"two"`, "f": ""} {
			if err := tx.Put("numbers", key, []byte(value)); err != nil {
				return err
			}
		}
		return nil
	})
	var rows []string
	err := s.View(context.Background(), func(tx store.Tx) error {
		for row, err := range table.Scan(tx, store.Range{}) {
			rows = append(rows, fmt.Sprint(row.Key, store.Damaged(err)))
		}
		_, err := table.Get(tx, "b")
		return err
	})
	if want := []string{"afalse", "btrue", "cfalse", "dtrue", "efalse", "ftrue"}; !slices.Equal(rows, want) {
		t.Errorf("rows %v, want %v", rows, want)
	}
	if wit.CodeOf(err) != wit.CodeInternal || !store.Damaged(err) || store.Failed(err) || !strings.Contains(err.Error(), "numbers/b") {
		t.Errorf("a damaged record: %v", err)
	}
	if err := wit.NewError(wit.CodeInternal, "the disk"); store.Damaged(err) || !store.Failed(err) {
		t.Errorf("a store that fails: %v", err)
	}
}
