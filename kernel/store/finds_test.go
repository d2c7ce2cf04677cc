package store_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/store"
)

// TestChangedRecordsAreToldOnce, those too that were found before anybody asked, and whatever was put in their place; a thousand at
// most.
func TestChangedRecordsAreToldOnce(t *testing.T) {
	inner := store.OpenMemory()
	s := seal(t, inner, recordKey(1))
	put := func(on store.Store, key string) {
		t.Helper()
		if err := on.Update(context.Background(), func(tx store.Tx) error { return tx.Put("s", key, []byte("value of "+key)) }); err != nil {
			t.Fatal(err)
		}
	}
	read := func(key string) error {
		return s.View(context.Background(), func(tx store.Tx) error {
			_, err := tx.Get("s", key)
			return err
		})
	}
	for _, key := range []string{"early", "late", "sound"} {
		put(s, key)
	}
	put(inner, "early")
	if err := read("early"); !store.Damaged(err) {
		t.Fatalf("a changed record is read: %v", err)
	}
	put(s, "early") // which hides it
	var told []string
	s.OnChanged(func(record string) { told = append(told, record) })
	put(inner, "late")
	for range 2 {
		if err := read("late"); !store.Damaged(err) {
			t.Errorf("a changed record is read: %v", err)
		}
	}
	if err := read("sound"); err != nil {
		t.Error(err)
	}
	if want := []string{"s/early", "s/late"}; !slices.Equal(told, want) {
		t.Errorf("told of %q, want %q", told, want)
	}
	for n := range 1100 {
		put(inner, fmt.Sprint("more", n))
	}
	if changed, err := s.Verify(context.Background()); err != nil || len(changed) != 1101 {
		t.Errorf("%d are changed, %v", len(changed), err)
	}
	if len(told) != 1000 {
		t.Errorf("told of %d", len(told))
	}
}
