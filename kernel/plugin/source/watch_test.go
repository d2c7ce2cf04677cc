package source_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/plugin/source"
)

// TestWatchOfAFolderThatIsMadeLater: what happens beside it says nothing, and its own beginning does.
func TestWatchOfAFolderThatIsMadeLater(t *testing.T) {
	above := t.TempDir()
	dir := filepath.Join(above, "more", "plugins")
	ctx, cancel := context.WithCancel(t.Context())
	changes, ended := make(chan struct{}, 100), make(chan error)
	go func() {
		ended <- source.Folder(dir).Watch(ctx, func() { changes <- struct{}{} })
	}()
	<-changes // it is watched
	write := func(path string) {
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 {
		write(filepath.Join(above, "database"))
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	<-changes
	select {
	case <-changes: // more was made before it was looked at
	default:
	}
	write(filepath.Join(above, "more.database"))
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if n := len(changes); n > 2 {
		t.Errorf("%d changes were told of what stands beside the folder", n)
	}
}
