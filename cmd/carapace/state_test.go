package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
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
