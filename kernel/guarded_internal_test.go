package kernel

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/secret"
	"github.com/carapace-gateway/carapace/kernel/store"
)

const guardedPets = store.Table[string]("pets")

// openRecords opens the records of a store as a start of the gateway does, with the vault's key in a folder.
func openRecords(t *testing.T, db store.Store, dir string) (*store.Sealed, *secret.Vault, error) {
	vault, err := secret.Open(t.Context(), secret.Config{Store: db, StateDir: dir})
	if err != nil {
		return nil, nil, err
	}
	sealed, err := OpenRecords(t.Context(), db, vault)
	return sealed, vault, err
}

func mustUpdate(t *testing.T, s store.Store, fn func(tx store.Tx) error) {
	t.Helper()
	if err := s.Update(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// guardedStore is one that an earlier version has written, and this one has brought to tags; early is what said meanwhile how
// far that had got.
func guardedStore(t *testing.T) (db store.Store, dir string, early []byte) {
	t.Helper()
	db, dir = store.OpenMemory(), t.TempDir()
	if _, err := secret.Open(t.Context(), secret.Config{Store: db, StateDir: dir}); err != nil {
		t.Fatal(err)
	}
	mustUpdate(t, db, func(tx store.Tx) error { return guardedPets.Put(tx, "a", "cat") })
	sealed, vault, err := openRecords(t, db, dir)
	if err != nil || vault.Noted(guardedRecords) {
		t.Fatalf("noted before it is so: %v", err)
	}
	mustUpdate(t, db, func(tx store.Tx) error {
		early, err = tx.Get("store.sealing", "state")
		return err
	})
	s := newSealing(sealed, vault, hclog.NewNullLogger())
	if status, err := s.Status(t.Context()); err != nil || status.Enabled || status.Changing {
		t.Errorf("at first: %+v %v", status, err)
	}
	if err := s.resume(t.Context()); err != nil || !vault.Noted(guardedRecords) {
		t.Fatalf("not guarded: %v", err)
	}
	if status, err := s.Status(t.Context()); err != nil || status.Enabled || status.Changing {
		t.Errorf("then: %+v %v", status, err)
	}
	return db, dir, early
}

// TestPlainRecordsAreGuarded: those of an earlier version get their tags and can be read, and a plain one is refused then.
func TestPlainRecordsAreGuarded(t *testing.T) {
	db, dir, _ := guardedStore(t)
	read := func() (pet string, err error) {
		sealed, _, err := openRecords(t, db, dir)
		if err != nil {
			return "", err
		}
		return pet, sealed.View(t.Context(), func(tx store.Tx) error {
			pet, err = guardedPets.Get(tx, "a")
			return err
		})
	}
	if pet, err := read(); pet != "cat" || err != nil {
		t.Errorf("%q %v", pet, err)
	}
	mustUpdate(t, db, func(tx store.Tx) error { return guardedPets.Put(tx, "a", "wolf") })
	if pet, err := read(); pet != "" || !store.Damaged(err) {
		t.Errorf("a plain record: %q %v", pet, err)
	}
}

// TestGuardIsNotTakenAway: nobody makes plain records pass by what says how records are stored, nor by the root of the keys or
// all of the vault: without them the gateway does not begin anew.
func TestGuardIsNotTakenAway(t *testing.T) {
	without := func(tx store.Tx, spaces ...string) error {
		for _, space := range spaces {
			for rec, err := range tx.Scan(space, store.Range{}) {
				if err := errors.Join(err, tx.Delete(space, rec.Key)); err != nil {
					return err
				}
			}
		}
		return nil
	}
	for name, change := range map[string]func(tx store.Tx, early []byte) error{
		"no state":     func(tx store.Tx, _ []byte) error { return without(tx, "store.sealing") },
		"an old state": func(tx store.Tx, early []byte) error { return tx.Put("store.sealing", "state", early) },
		"no root":      func(tx store.Tx, _ []byte) error { return without(tx, "store.sealing", "secret.keys") },
		"no vault": func(tx store.Tx, _ []byte) error {
			return without(tx, "store.sealing", "secret.keys", "secret.vault", "secret.notes")
		},
	} {
		db, dir, early := guardedStore(t)
		mustUpdate(t, db, func(tx store.Tx) error { return errors.Join(guardedPets.Put(tx, "a", "wolf"), change(tx, early)) })
		for range 2 { // a start does not mend it
			if _, _, err := openRecords(t, db, dir); err == nil {
				t.Errorf("%s: it opens", name)
			}
		}
	}
}

// TestGuardOutlivesKeys: a new key of the vault, and a backup's, know that the records are guarded.
func TestGuardOutlivesKeys(t *testing.T) {
	db, dir, _ := guardedStore(t)
	_, vault, err := openRecords(t, db, dir)
	if err != nil {
		t.Fatal(err)
	}
	var out secret.Export
	if err := vault.Rekey(t.Context(), "", ""); err != nil {
		t.Fatal(err)
	}
	if out, err = vault.Export("", func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	root, err := secret.OpenRoot(context.Background(), db, out.Vault)
	if err != nil || !root.Noted(guardedRecords) {
		t.Errorf("a backup: %v", err)
	}
	if key, err := out.Lock.Open(t.Context(), secret.Config{StateDir: dir}); err != nil || !bytes.Equal(key, out.Key) {
		t.Errorf("a backup's lock: %v", err)
	}
	if _, vault, err := openRecords(t, db, dir); err != nil || !vault.Noted(guardedRecords) {
		t.Errorf("a new key: %v", err)
	}
}
