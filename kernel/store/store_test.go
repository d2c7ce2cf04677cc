package store_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
)

func TestMemory(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store {
		s := store.OpenMemory()
		t.Cleanup(func() { s.Close() })
		return s
	})
}

func TestSQLite(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store {
		return open(t, filepath.Join(t.TempDir(), "state.db"))
	})
}

// open opens the store at path and closes it when the test ends, if it is still open then.
func open(t testing.TB, path string) *store.DB {
	t.Helper()
	s, err := store.Open(context.Background(), path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}
