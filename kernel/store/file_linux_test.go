package store_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
	"golang.org/x/sys/unix"
)

// asNobody runs fn without root's right to write everything, on a thread of its own.
func asNobody(t *testing.T, dir string, fn func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		fn()
		return
	}
	const nobody = 65534
	err := filepath.WalkDir(filepath.Dir(dir), func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(path, nobody, nobody)
	})
	if err != nil {
		t.Fatal(err)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Setfsuid(nobody); err != nil {
		t.Fatal(err)
	}
	fn()
	if err := unix.Setfsuid(0); err != nil {
		t.Fatal(err)
	}
}

func TestReadOnly(t *testing.T) {
	path := filled(t, 1)
	for _, c := range []struct {
		what, name string
		mode, back os.FileMode
	}{
		{"file that cannot be written", path, 0o400, 0o600},
		{"file that cannot be read", path, 0o000, 0o600},
		{"folder that cannot be written", filepath.Dir(path), 0o500, 0o700},
	} {
		if err := os.Remove(path + ".lock"); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(c.name, c.mode); err != nil {
			t.Fatal(err)
		}
		asNobody(t, filepath.Dir(path), func() {
			s, err := store.Open(context.Background(), path, store.Options{})
			if err == nil {
				s.Close()
			}
			if wit.CodeOf(err) != wit.CodeUnavailable || !strings.Contains(err.Error(), "check its owner and mode") {
				t.Errorf("%s: %v (code %q), want unavailable and what to check", c.what, err, wit.CodeOf(err))
			}
		})
		if err := os.Chmod(c.name, c.back); err != nil {
			t.Fatal(err)
		}
		if f, err := os.OpenFile(path+".lock", os.O_CREATE, 0o600); err != nil || f.Close() != nil {
			t.Fatal(err)
		}
	}
	if n := count(t, open(t, path)); n != 1 {
		t.Errorf("%d records, want 1", n)
	}
}

func TestAHolderThatDidNotSayWhoItIs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	open(t, path)
	if err := os.Truncate(path+".lock", 0); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(context.Background(), path, store.Options{}); wit.CodeOf(err) != wit.CodeConflict || !strings.Contains(err.Error(), "another process has") {
		t.Errorf("%v", err)
	}
}
