package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/store"
)

// TestALostDatabaseIsNoNewOne: an empty or missing database beside what belongs to it is refused with what to do.
func TestALostDatabaseIsNoNewOne(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	g := serve(t, state)
	g.Stop()
	database := filepath.Join(state, "carapace.db")
	for _, lose := range []func(string) error{func(p string) error { return os.Truncate(p, 0) }, os.Remove} {
		for _, extra := range []string{"-wal", "-shm"} {
			_ = os.Remove(database + extra)
		}
		if err := lose(database); err != nil {
			t.Fatal(err)
		}
		r := carapace(t, state, "serve", "--port", "0")
		if r.code != exitFailed || !strings.Contains(r.err, "restore it from a backup") || !strings.Contains(r.err, "secret.key") {
			t.Errorf("%+v", r)
		}
	}
}

// TestChangedRecordsAreNamed by the doctor, as the page about credentials shows it.
func TestChangedRecordsAreNamed(t *testing.T) {
	t.Parallel()
	state := stateDir(t)
	g := serve(t, state)
	for _, text := range []string{"one", "two"} {
		must(t, state, "chat", "--message", text)
	}
	g.Stop()
	db, err := store.Open(t.Context(), filepath.Join(state, "carapace.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Update(t.Context(), func(tx store.Tx) error {
		var before store.Record
		for rec, err := range tx.Scan("history", store.Range{}) {
			if err != nil || before.Key != "" {
				return errors.Join(err, tx.Put("history", rec.Key, before.Value))
			}
			before = rec
		}
		return errors.New("nothing was said")
	})
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	g.Start()
	r := carapace(t, state, "doctor")
	shown := 0
	for _, b := range blocks(t, "docs/credentials.md") {
		if strings.HasPrefix(b.text, "✗ database") {
			shown++
			if !regexp.MustCompile(strings.Trim(pattern(b.text).String(), "^$")).MatchString(squeeze(r.out)) {
				t.Errorf("the doctor says\n%s\nand the page shows\n%s", r.out, b.text)
			}
		}
	}
	if r.code == 0 || shown != 1 {
		t.Errorf("exit code %d, %d blocks", r.code, shown)
	}
}

// TestWithoutHome the state is not put wherever the program happens to be started.
func TestWithoutHome(t *testing.T) {
	t.Parallel()
	cmd := command(context.Background(), t, "", "doctor")
	cmd.Dir = t.TempDir()
	cmd.Env = slices.DeleteFunc(cmd.Env, func(v string) bool { return strings.HasPrefix(v, "HOME=") || strings.HasPrefix(v, "XDG_") })
	out, _ := cmd.CombinedOutput() // it fails: no gateway runs there
	if strings.Contains(string(out), " .carapace") || !strings.Contains(string(out), "/carapace") && !strings.Contains(string(out), "--state-dir") {
		t.Errorf("%s", out)
	}
	if left, err := os.ReadDir(cmd.Dir); err != nil || len(left) > 0 {
		t.Errorf("%v was left", left)
	}
}
