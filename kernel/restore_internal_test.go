package kernel

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// tree makes a folder with files that hold what they are.
func tree(t *testing.T, dir, what string, names ...string) {
	t.Helper()
	for _, name := range names {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(what), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// holds fails unless a folder has these files, holding what they are.
func holds(t *testing.T, dir, what string, names ...string) {
	t.Helper()
	for _, name := range names {
		if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(b) != what {
			t.Errorf("%s holds %q, %v; want %s", name, b, err, what)
		}
	}
}

// TestARestoreThatWasCutOff is ended from each place where it can have been: the old state is whole in its folder then, and
// the restored one in its place.
func TestARestoreThatWasCutOff(t *testing.T) {
	t.Parallel()
	old := []string{"carapace.db", "carapace.json", "media/ab/c", "only-old"}
	fresh := []string{"carapace.db", "carapace.json", "media/de/f", "only-new"}
	tops := []string{"carapace.db", "carapace.json", "media"}
	cut := func(step int) (dir, before string) {
		dir = t.TempDir()
		ready, final := filepath.Join(dir, restoreReady), filepath.Join(dir, restoreFinal)
		tree(t, dir, "old", old...)
		tree(t, dir, "its own", "carapace.db.lock", "cache/x")
		tree(t, ready, "new", fresh...)
		at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		if err := os.Chtimes(ready, at, at); err != nil {
			t.Fatal(err)
		}
		before = filepath.Join(dir, restoreBefore+"20260102T030405.000")
		move := func(from, to string, names ...string) {
			for _, name := range names {
				if err := os.MkdirAll(to, 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.Rename(filepath.Join(from, name), filepath.Join(to, name)); err != nil {
					t.Fatal(err)
				}
			}
		}
		outs, ins := append(slices.Clone(tops), "only-old"), append(slices.Clone(tops), "only-new")
		move(dir, before, outs[:min(step, len(outs))]...)
		if step > len(outs) {
			move(dir, dir, "carapace.db.lock") // nothing: the folders' names change next
			if err := os.Rename(ready, final); err != nil {
				t.Fatal(err)
			}
			move(final, dir, ins[:step-len(outs)-1]...)
		}
		return dir, before
	}
	for step := range 10 {
		t.Run(fmt.Sprint("after step ", step), func(t *testing.T) {
			dir, before := cut(step)
			if err := (&Kernel{o: Options{StateDir: dir}}).checkRestored(); err != nil {
				t.Fatal(err)
			}
			holds(t, dir, "new", fresh...)
			holds(t, before, "old", old...)
			holds(t, dir, "its own", "cache/x")
			if _, err := os.Stat(filepath.Join(dir, "only-old")); err == nil {
				t.Error("an old file is in the restored state")
			}
			for _, left := range []string{restoreReady, restoreFinal} {
				if _, err := os.Stat(filepath.Join(dir, left)); err == nil {
					t.Errorf("%s is left", left)
				}
			}
		})
	}
}
