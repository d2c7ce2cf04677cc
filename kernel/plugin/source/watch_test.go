package source_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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

// TestWatchOfAFolderThatIsMadeMeanwhile: however the folders above it come while they are looked for, what happens in it is
// told of.
func TestWatchOfAFolderThatIsMadeMeanwhile(t *testing.T) {
	const levels, changes = 12, 100 // of the latter more than the making of the folders tells of
	for range 30 {
		dir := filepath.Join(t.TempDir(), strings.Repeat("more/", levels), "plugins")
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		told, ended := make(chan struct{}, 10*changes), make(chan error)
		go func() {
			ended <- source.Folder(dir).Watch(ctx, func() { told <- struct{}{} })
		}()
		<-told // it is watched
		must(t, os.MkdirAll(dir, 0o700))
		for n := range changes {
			must(t, os.Mkdir(filepath.Join(dir, fmt.Sprint(n)), 0o700))
		}
		for range changes {
			select {
			case <-told:
			case <-ctx.Done():
				t.Fatal("what is made in it is not told of")
			}
			must(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
			must(t, os.Remove(filepath.Join(dir, "file")))
		}
		cancel()
		for open := true; open; {
			select {
			case <-told:
			case err := <-ended:
				must(t, err)
				open = false
			}
		}
	}
}
