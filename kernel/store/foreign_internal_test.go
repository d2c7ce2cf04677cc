package store

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/wit"
)

// TestForeignDatabases: a sound SQLite file that is another program's, or none that this gateway has written, is
// refused with what to do, and neither it nor its journal mode changes.
func TestForeignDatabases(t *testing.T) {
	ours := fmt.Sprintf("PRAGMA application_id=%d", applicationID)
	for _, c := range []struct {
		name, says string
		queries    []string
	}{
		{"tables and no id", "not a carapace state file", []string{"CREATE TABLE records (id INTEGER)"}},
		{"tables, no id, in WAL", "not a carapace state file", []string{"PRAGMA journal_mode=WAL", "CREATE TABLE notes (id INTEGER)"}},
		{"a foreign id alone", "not a carapace state file", []string{"PRAGMA application_id=7"}},
		{"a foreign id and tables", "not a carapace state file", []string{"PRAGMA application_id=7", migrations[0], "PRAGMA user_version=1"}},
		{"a version alone", "not a carapace state file", []string{"PRAGMA user_version=1"}},
		{"our id and tables without a version", "damaged", []string{ours, "CREATE TABLE records (id INTEGER)"}},
		{"our id and a version without tables", "damaged", []string{ours, "PRAGMA user_version=1"}},
		{"our id and a negative version", "damaged", []string{ours, migrations[0], "PRAGMA user_version=-1"}},
		{"our next version", "upgrade carapace", []string{ours, migrations[0], fmt.Sprintf("PRAGMA user_version=%d", len(migrations)+1)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "state.db")
			write(t, path, c.queries...)
			before, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			d, err := Open(context.Background(), path, Options{})
			if err == nil {
				d.Close()
			}
			if wit.CodeOf(err) != wit.CodeInvalid || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v (code %q), want invalid and %q", err, wit.CodeOf(err), c.says)
			}
			if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
				t.Errorf("the file was changed, %v", err)
			}
		})
	}
}

// TestEarlierVersions: a database that is new, or was left by a crash before its first commit, is taken.
func TestEarlierVersions(t *testing.T) {
	for name, queries := range map[string][]string{
		"without anything": {"VACUUM"},
		"only our id":      {fmt.Sprintf("PRAGMA application_id=%d", applicationID)},
	} {
		path := filepath.Join(t.TempDir(), "state.db")
		write(t, path, queries...)
		d, err := Open(context.Background(), path, Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := d.Update(context.Background(), put("k", 1)); err != nil || !has(t, d, "k") {
			t.Errorf("%s: %v", name, err)
		}
		d.Close()
	}
}

// TestWhatTheSystemRefuses is not taken for a damaged file, which the owner would throw away.
func TestWhatTheSystemRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	if err := os.Mkdir(path+"-journal", 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(context.Background(), path, Options{}); wit.CodeOf(err) != wit.CodeUnavailable || strings.Contains(err.Error(), "damaged") {
		t.Errorf("%v (code %q), want unavailable", err, wit.CodeOf(err))
	}
}

// write makes a database with plain SQLite.
func write(t *testing.T, path string, queries ...string) {
	t.Helper()
	c, err := connect(path, "mode=rwc")
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range queries {
		if _, err := c.exec(q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	if err := c.close(); err != nil {
		t.Fatal(err)
	}
}
