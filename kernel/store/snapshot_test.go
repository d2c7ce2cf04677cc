package store_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// TestSnapshot copies all that was committed, while others write, into a file that is a store.
func TestSnapshot(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	s := open(t, filepath.Join(dir, "state.db"))
	put := func(key string) {
		if err := s.Update(ctx, func(tx store.Tx) error { return tx.Put("a", key, []byte("value")) }); err != nil {
			t.Error(err)
		}
	}
	put("before")
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-stop:
				return
			default:
				put("meanwhile")
			}
		}
	}()
	path := filepath.Join(dir, "odd 'name' ?.db")
	if err := s.Snapshot(ctx, path); err != nil {
		t.Fatal(err)
	}
	close(stop)
	<-done
	put("after")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if err := s.Snapshot(ctx, path); wit.CodeOf(err) != wit.CodeConflict {
		t.Errorf("over a file: %v", err)
	}
	copied := open(t, path)
	err := copied.View(ctx, func(tx store.Tx) error {
		if _, err := tx.Get("a", "before"); err != nil {
			t.Error(err)
		}
		if _, err := tx.Get("a", "after"); wit.CodeOf(err) != wit.CodeNotFound {
			t.Errorf("what came after: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if err := store.Lock(path, func() error { return nil }); wit.CodeOf(err) != wit.CodeConflict {
		t.Errorf("a store that is open was locked: %v", err)
	}
}
