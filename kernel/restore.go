package kernel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/backup"
	"github.com/carapace-gateway/carapace/kernel/secret"
	"github.com/carapace-gateway/carapace/kernel/service/delivery"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// RestoreOptions say what is brought back, and where.
type RestoreOptions struct {
	// Path is the backup.
	Path string
	// StateDir is the state directory; one that has a state is refused without Replace, and put aside with it.
	StateDir string
	Replace  bool
	// Vault is how the backup is opened: its StateDir is where a key file is looked for.
	Vault secret.Config
}

// Restored says what a backup has, and what became of it.
type Restored struct {
	// MadeAt is when the backup was made, in Unix milliseconds, and Version by which gateway.
	MadeAt  int64  `json:"madeAt"`
	Version string `json:"version"`
	Files   int    `json:"files"`
	Bytes   int64  `json:"bytes"`
	// OpensWith is what opened it: passphrase, or vault-keyring, vault-passphrase, vault-file.
	OpensWith string `json:"opensWith"`
	// Key says where the credentials' key is now: keyring, passphrase or file.
	Key string `json:"key,omitempty"`
	// Held are messages that wait for `carapace delivery release`, and Ended requests that were not answered yet.
	Held  int `json:"held"`
	Ended int `json:"ended"`
	// Before is the folder in which the state is that was there.
	Before string `json:"before,omitempty"`
}

// opened is a backup whose key is known.
type opened struct {
	archive *backup.Archive
	lock    secret.Lock
	key     []byte
	keys    string // the folder of the key file
	file    *os.File
}

func openBackup(ctx context.Context, path string, vault secret.Config) (*opened, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, wit.Errorf(wit.CodeNotFound, "the backup cannot be read: %w", err)
	}
	b := &opened{file: f, keys: vault.StateDir}
	if b.archive, err = backup.Open(f); err == nil && json.Unmarshal(b.archive.Lock, &b.lock) != nil {
		err = wit.NewError(wit.CodeInvalid, "the backup's first lines are damaged: take another one")
	}
	if err == nil {
		b.key, err = b.lock.Open(ctx, vault)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return b, nil
}

// VerifyBackup reads all of a backup and changes nothing. Errors: CodeInvalid for one that was changed or is damaged;
// CodeUnauthorized and CodeUnavailable where it cannot be opened.
func VerifyBackup(ctx context.Context, path string, vault secret.Config) (r Restored, err error) {
	b, err := openBackup(ctx, path, vault)
	if err != nil {
		return r, err
	}
	defer b.file.Close()
	sum, _, err := b.archive.Verify(ctx, b.key)
	return b.restored(sum), err
}

func (b *opened) restored(s backup.Summary) Restored {
	return Restored{MadeAt: b.archive.Made, Version: b.archive.Version, Files: s.Files, Bytes: s.Bytes, OpensWith: opensWith(b.lock)}
}

// Restore puts the state of a backup in a state directory's place. All of the backup is verified before anything is touched.
// Killed at any point, the next start finds the old state or the restored one, whole.
//
// What waits to be sent is held, and what waits to be answered is ended: whether either has happened since the backup was
// made, nobody knows.
//
// Errors: those of VerifyBackup; CodeConflict while a gateway runs there, or where there is a state; CodeUnavailable.
func Restore(ctx context.Context, o RestoreOptions) (r Restored, err error) {
	b, err := openBackup(ctx, o.Path, o.Vault)
	if err != nil {
		return r, err
	}
	defer b.file.Close()
	if err := os.MkdirAll(o.StateDir, 0o700); err != nil {
		return r, wit.Errorf(wit.CodeUnavailable, "the state directory cannot be made: %w", err)
	}
	err = store.Lock(filepath.Join(o.StateDir, databaseFile), func() error {
		if _, err := finishRestore(o.StateDir); err != nil {
			return err
		}
		if err := o.room(); err != nil {
			return err
		}
		if _, _, err := b.archive.Verify(ctx, b.key); err != nil {
			return err
		}
		r, err = b.into(ctx, o)
		return err
	})
	return r, err
}

// room refuses a state directory that has something in it, and takes away what a restore has left that was killed early.
func (o RestoreOptions) room() error {
	entries, err := os.ReadDir(o.StateDir)
	if err != nil {
		return wit.Errorf(wit.CodeUnavailable, "the state directory cannot be read: %w", err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), restoreDraft) {
			if err := os.RemoveAll(filepath.Join(o.StateDir, e.Name())); err != nil {
				return wit.Errorf(wit.CodeUnavailable, "what an earlier restore has left cannot be removed: %w", err)
			}
			continue
		}
		if !o.Replace && !transient(e.Name()) && e.Name() != secret.KeyFile { // somebody has put that there to open the backup
			return wit.Errorf(wit.CodeConflict, "there is a state in %s: add --replace to put it aside, or name another folder with --state-dir", o.StateDir)
		}
	}
	return nil
}

// into makes the restored state beside the old one, and lets it take its place.
func (b *opened) into(ctx context.Context, o RestoreOptions) (r Restored, err error) {
	draft, err := os.MkdirTemp(o.StateDir, restoreDraft)
	if err != nil {
		return r, wit.Errorf(wit.CodeUnavailable, "the state directory cannot be written: %w", err)
	}
	defer os.RemoveAll(draft) // it is gone if all went well
	sum, m, err := b.archive.Extract(ctx, b.key, draft)
	if err != nil {
		return r, err
	}
	r = b.restored(sum)
	if err := b.prepare(ctx, draft, m, &r); err != nil {
		return r, err
	}
	ready := filepath.Join(o.StateDir, restoreReady)
	if err := errors.Join(syncFolders(draft), os.Rename(draft, ready), syncFolder(o.StateDir)); err != nil {
		return r, wit.Errorf(wit.CodeUnavailable, "the restored state cannot be put in its place: %w", err)
	}
	r.Before, err = finishRestore(o.StateDir)
	return r, err
}

// prepare makes a restored state one that can go on: its database is sound, its credentials open, and nothing of it happens
// twice.
func (b *opened) prepare(ctx context.Context, dir string, m backup.Manifest, r *Restored) (err error) {
	path := filepath.Join(dir, databaseFile)
	if _, err := os.Stat(path); err != nil {
		return wit.NewError(wit.CodeInvalid, "the backup has no database: take another one")
	}
	db, err := store.Open(ctx, path, store.Options{})
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, db.Close(), os.Remove(path+".lock"))
	}()
	if err := db.Check(ctx); err != nil {
		return err
	}
	r.Key = string(b.lock.Source())
	switch {
	case b.lock.Own(): // where the key was kept, it may not be on this machine
		r.Key = string(secret.InFile)
		err = secret.Adopt(ctx, db, dir, m.Vault)
	case b.lock.Source() == secret.InFile: // it has just opened the backup, and opens others too
		err = secret.CopyKeyFile(b.keys, dir)
	}
	if err != nil {
		return err
	}
	made := time.UnixMilli(b.archive.Made).Format(time.DateTime)
	root, err := secret.OpenRoot(ctx, db, m.Vault)
	if err != nil {
		return err
	}
	sealed, err := store.Seal(ctx, db, root.Key(recordsKey), root.Noted(guardedRecords))
	if err != nil {
		return err
	}
	return sealed.Update(ctx, func(tx store.Tx) (err error) {
		r.Held, err = delivery.HoldAll(tx, fmt.Sprintf("it waited when the backup of %s was made, and may have been sent since: release it, or drop it", made))
		if err != nil {
			return err
		}
		r.Ended, err = run.EndAll(tx, fmt.Sprintf("it waited when the backup of %s was made, and may have been answered since: ask again", made))
		return err
	})
}

// finishRestore lets a restored state take the place of the one that is there, from wherever it was cut off: the old one
// makes room first, entry by entry, then the new one moves in. It returns the folder in which the old one is. The caller has
// the state's lock.
func finishRestore(dir string) (before string, err error) {
	ready, final := filepath.Join(dir, restoreReady), filepath.Join(dir, restoreFinal)
	info, err := os.Stat(ready)
	if err == nil {
		if before, err = putAside(dir, info.ModTime()); err == nil {
			err = errors.Join(os.Rename(ready, final), syncFolder(dir))
		}
	} else if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err == nil {
		err = moveIn(dir, final)
	}
	if err != nil {
		return before, wit.Errorf(wit.CodeUnavailable, "the restored state cannot be put in its place: start again when that is mended: %w", err)
	}
	return before, nil
}

// putAside moves what there is into a folder whose name is the same for each try.
func putAside(dir string, at time.Time) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	before := filepath.Join(dir, restoreBefore+at.UTC().Format("20060102T150405.000"))
	moved := false
	for _, e := range entries {
		if transient(e.Name()) {
			continue
		}
		if err := os.MkdirAll(before, 0o700); err != nil {
			return "", err
		}
		if err := os.Rename(filepath.Join(dir, e.Name()), filepath.Join(before, e.Name())); err != nil {
			return "", err
		}
		moved = true
	}
	if !moved {
		if _, err := os.Stat(before); err != nil {
			return "", nil
		}
	}
	return before, nil
}

func moveIn(dir, final string) error {
	entries, err := os.ReadDir(final)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := os.Rename(filepath.Join(final, e.Name()), filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return errors.Join(os.Remove(final), syncFolder(dir))
}

// syncFolders makes the names of all below a folder survive a power cut.
func syncFolders(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = syncFolder(path)
		}
		return err
	})
}
