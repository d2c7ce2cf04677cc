package store_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// filled writes n records of 1 KB and closes, so that the file holds all of them.
func filled(t *testing.T, n int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "state.db")
	s := open(t, path)
	fill(t, s, n)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func fill(t testing.TB, s store.Store, n int) {
	t.Helper()
	err := s.Update(context.Background(), func(tx store.Tx) error {
		for i := range n {
			if err := tx.Put("rows", fmt.Sprintf("%06d", i), bytes.Repeat([]byte{byte(i)}, 1000)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func count(t testing.TB, s store.Store) int {
	t.Helper()
	n := 0
	err := s.View(context.Background(), func(tx store.Tx) error {
		for _, err := range tx.Scan("rows", store.Range{}) {
			if err != nil {
				return err
			}
			n++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func edit(t *testing.T, path string, change func([]byte) []byte) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, change(b), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func sum(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(b))
}

func at(offset int, with ...byte) func([]byte) []byte {
	return func(b []byte) []byte { copy(b[offset:], with); return b }
}

// Files that are not a store of this version: the error says what to do, and not a byte changes.
func TestRefusedFiles(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func([]byte) []byte
		says   string
	}{
		{"not SQLite", func([]byte) []byte { return []byte(strings.Repeat("dear diary, ", 50)) }, "not a carapace state file"},
		{"short text", func([]byte) []byte { return []byte("hi") }, "not a carapace state file"},
		{"another program's", at(68, 1, 2, 3, 4), "not a carapace state file"},
		{"no program's", at(68, 0, 0, 0, 0), "not a carapace state file"},
		{"newer", at(60, 0, 0, 0, 99), "upgrade carapace"},
		{"cut to the header", func(b []byte) []byte { return b[:100] }, "restore a backup"},
		{"cut in the middle", func(b []byte) []byte { return b[:len(b)/2] }, "restore a backup"},
		{"cut by a page", func(b []byte) []byte { return b[:len(b)-4096] }, "restore a backup"},
		{"torn first page", func(b []byte) []byte { clear(b[100:4096]); return b }, "restore a backup"},
		{"page size of no database", at(16, 0, 3), "restore a backup"},
		{"version without tables", at(60, 0, 0, 0, 0), "restore a backup"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filled(t, 50)
			edit(t, path, c.change)
			before := sum(t, path)
			s, err := store.Open(context.Background(), path, store.Options{})
			if err == nil {
				s.Close()
				t.Fatal("it was opened")
			}
			if wit.CodeOf(err) != wit.CodeInvalid || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v (code %q); want code invalid and %q", err, wit.CodeOf(err), c.says)
			}
			if sum(t, path) != before {
				t.Error("the file was changed")
			}
			// The lock is free again.
			if _, err := store.Open(context.Background(), path, store.Options{}); wit.CodeOf(err) != wit.CodeInvalid {
				t.Errorf("second try: %v", err)
			}
		})
	}
}

func TestEmptyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	if err := errors.Join(os.WriteFile(path, nil, 0o600), os.WriteFile(path+"-wal", []byte("log"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(context.Background(), path, store.Options{}); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("empty file beside a log: %v, want invalid", err)
	}
	if b, _ := os.ReadFile(path + "-wal"); string(b) != "log" {
		t.Errorf("the log was changed: %q", b)
	}
	if err := os.Remove(path + "-wal"); err != nil {
		t.Fatal(err)
	}
	fill(t, open(t, path), 1) // an empty file alone is a new one
}

func TestTornPage(t *testing.T) {
	path := filled(t, 200)
	edit(t, path, func(b []byte) []byte {
		for i := 3 * 4096; i < 20*4096; i++ {
			b[i] = 0xa5
		}
		return b
	})
	s := open(t, path)
	if err := s.Check(context.Background()); err == nil || !strings.Contains(err.Error(), "restore a backup") {
		t.Errorf("check: %v, want what to do", err)
	}
	err := s.View(context.Background(), func(tx store.Tx) error {
		for _, err := range tx.Scan("rows", store.Range{}) {
			if err != nil {
				return err
			}
		}
		return nil
	})
	if wit.CodeOf(err) != wit.CodeInternal || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("scan: %v, want a damaged file reported", err)
	}
}

func TestPaths(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	if _, err := store.Open(ctx, dir, store.Options{}); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("folder: %v, want invalid", err)
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(ctx, filepath.Join(file, "state.db"), store.Options{}); wit.CodeOf(err) != wit.CodeUnavailable {
		t.Errorf("folder is a file: %v, want unavailable", err)
	}
	over, stop := context.WithCancel(ctx)
	stop()
	if _, err := store.Open(over, filepath.Join(dir, "s.db"), store.Options{}); wit.CodeOf(err) != wit.CodeTimeout {
		t.Errorf("ended context: %v, want timeout", err)
	}
	odd := filepath.Join(dir, "new", "a?b=c#d %41&mode=memory.db")
	s := open(t, odd)
	fill(t, s, 1)
	for path, mode := range map[string]os.FileMode{filepath.Dir(odd): 0o700, odd: 0o600, odd + "-wal": 0o600, odd + ".lock": 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v; want mode %o", path, info, err, mode)
		}
	}
}

func TestLooseModeIsTightened(t *testing.T) {
	path := filled(t, 1)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	open(t, path)
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
}

func TestReopen(t *testing.T) {
	path := filled(t, 50)
	s := open(t, path)
	if n := count(t, s); n != 50 {
		t.Errorf("%d records, want 50", n)
	}
	if err := s.Check(context.Background()); err != nil {
		t.Errorf("check: %v", err)
	}
}

func TestOneAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s := open(t, path)
	_, err := store.Open(context.Background(), path, store.Options{})
	if wit.CodeOf(err) != wit.CodeConflict || !strings.Contains(err.Error(), fmt.Sprintf("process %d", os.Getpid())) {
		t.Errorf("second: %v, want conflict that names the process", err)
	}
	fill(t, s, 1) // the first is unharmed
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if n := count(t, open(t, path)); n != 1 {
		t.Errorf("%d records, want 1", n)
	}
}

// TestCloseLeavesOneFile, into which the log is folded, so that a copy of it is the whole state.
func TestCloseLeavesOneFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	s := open(t, path)
	fill(t, s, 10)
	if n := count(t, s); n != 10 {
		t.Errorf("%d records", n)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path + "-wal"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a log is left: %v", err)
	}
}
