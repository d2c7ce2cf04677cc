package kernel_test

import (
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/secret"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/system"
	"github.com/carapace-gateway/carapace/kernel/store"
)

// behind changes the records of a state directory on which no gateway runs.
func behind(t *testing.T, dir string, fn func(tx store.Tx) error) {
	t.Helper()
	db, err := store.Open(t.Context(), filepath.Join(dir, "carapace.db"), store.Options{})
	if err == nil {
		err = errors.Join(db.Update(t.Context(), fn), db.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// databaseCheck is what the doctor says of the database.
func databaseCheck(l *kerneltest.Listener) (found service.Check) {
	var d system.DoctorResult
	l.MustCall("doctor", nil, &d)
	for _, c := range d.Checks {
		if c.Name == "database" {
			found = c
		}
	}
	return found
}

// TestChangesOfTheDatabaseAreRejected: without encryption too, what somebody has changed in the database is not taken for what was
// said. The doctor names it; all else goes on, over restarts, a change to encryption and back, and from a backup.
func TestChangesOfTheDatabaseAreRejected(t *testing.T) {
	t.Parallel()
	dir, other := t.TempDir(), t.TempDir()
	k, l := echoAt(t, dir)
	for run, text := range map[string]string{"r1": "one rhododendron", "r2": "two rhododendrons"} {
		l.Ask(run, text)
	}
	if c := databaseCheck(l); !c.OK {
		t.Errorf("%+v", c)
	}
	k.Stop()
	var changed string
	behind(t, dir, func(tx store.Tx) error {
		var records []store.Record
		for rec, err := range tx.Scan("history", store.Range{}) {
			if err != nil {
				return err
			}
			records = append(records, rec)
		}
		if len(records) != 4 {
			t.Errorf("%d messages", len(records))
		}
		_, value, _ := strings.Cut(string(records[2].Value), "{")
		changed = records[0].Key
		return tx.Put("history", changed, []byte("{"+value)) // the third message, without its tag, as the first
	})
	k, l = echoAt(t, dir)
	refused := func(l *kerneltest.Listener, when string) {
		t.Helper()
		var kept struct{ Messages []json.RawMessage }
		l.MustCall("chat.history", object{"sessionKey": "main"}, &kept)
		if len(kept.Messages) != 4 || !strings.Contains(string(kept.Messages[0]), "damaged") || strings.Contains(string(kept.Messages[0]), "rhododendron") {
			t.Errorf("%s: %s", when, kept.Messages)
		}
		if c := databaseCheck(l); c.OK || !strings.Contains(c.Message, "history/"+changed) || !strings.Contains(c.Hint, "carapace restore") {
			t.Errorf("%s: %+v", when, c)
		}
	}
	refused(l, "after a restart")
	var audited struct {
		Events []struct {
			Call struct {
				Method string
				About  map[string]string
			}
		}
	}
	l.MustCall("audit.list", object{"method": "store."}, &audited)
	if len(audited.Events) != 1 || audited.Events[0].Call.About["record"] != "history/"+strings.ReplaceAll(changed, "\x00", " ") {
		t.Errorf("audited: %+v", audited)
	}
	var exported struct{ Lines []string }
	if l.MustCall("sessions.export", object{"key": "main"}, &exported); len(exported.Lines) != 5 || strings.Contains(exported.Lines[1], "rhododendron") {
		t.Errorf("exported: %q", exported.Lines)
	}
	var found struct{ Results []any }
	if l.MustCall("sessions.search", object{"query": "rhododendron*"}, &found); len(found.Results) < 2 {
		t.Errorf("found: %d", len(found.Results))
	}
	l.MustCall("encryption.set", object{"enabled": true}, nil)
	refused(l, "encrypted")
	l.MustCall("encryption.set", object{"enabled": false}, nil)
	refused(l, "decrypted")
	path := other + ".backup"
	l.MustCall("backup.create", object{"path": path, "passphrase": backupPassphrase}, nil)
	k.Stop()
	if _, err := kernel.Restore(t.Context(), kernel.RestoreOptions{Path: path, StateDir: other, Vault: secret.Config{Passphrase: backupPassphrase}}); err != nil {
		t.Fatal(err)
	}
	k, l = echoAt(t, other)
	refused(l, "restored")
	k.Stop()
	behind(t, other, func(tx store.Tx) error { return tx.Delete("store.sealing", "state") })
	if _, err := kerneltest.TryStart(t, kerneltest.StateDir(other), kerneltest.Plugin(kerneltest.Echo("echo"))); err == nil || !strings.Contains(err.Error(), "restore a backup") {
		t.Errorf("a store that does not say how its records are stored: %v", err)
	}
}
