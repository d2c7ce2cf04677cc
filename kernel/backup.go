package kernel

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/backup"
	"github.com/carapace-gateway/carapace/kernel/file"
	"github.com/carapace-gateway/carapace/kernel/secret"
	"github.com/carapace-gateway/carapace/kernel/service/system"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Names of the state directory that belong to one running gateway, or to a restore.
const (
	configFile    = "carapace.json"
	snapshotFile  = ".backup.db"
	restoreReady  = "restore-ready" // all of a restored state, before the old one has made room
	restoreFinal  = "restore-final" // and after
	restoreDraft  = ".restore-"
	restoreBefore = "before-restore-"
)

// transient reports whether a name at the top of a state directory is none of the state: it belongs to a process, can be
// made again, or is what a restore has put aside.
func transient(name string) bool {
	switch {
	case name == "cache", name == EndpointFile, name == restoreReady, name == restoreFinal, name == snapshotFile:
		return true
	case strings.HasPrefix(name, restoreDraft), strings.HasPrefix(name, restoreBefore), strings.HasSuffix(name, ".lock"):
		return true
	}
	return false
}

// snapshotter is a store that can be copied while it is in use.
type snapshotter interface {
	Snapshot(ctx context.Context, path string) error
}

// backups writes backups of a state that is open.
type backups struct {
	db      store.Store
	vault   *secret.Vault
	dir     string
	config  string
	version string
}

// Backup writes all of the state into a new file. Errors: CodeInvalid for a path that is not absolute or leads into the
// state directory, or a passphrase that is too short; CodeConflict for a file that exists; CodeUnavailable.
func (b backups) Backup(ctx context.Context, path, passphrase string) (done system.BackedUp, err error) {
	copier, ok := b.db.(snapshotter)
	switch {
	case !ok || b.dir == "":
		return done, wit.NewError(wit.CodeInvalid, "this gateway keeps its state in memory: there is nothing to back up")
	case !filepath.IsAbs(path):
		return done, wit.Errorf(wit.CodeInvalid, "%.100q is not an absolute path: name the file from the root", path)
	case file.Within(b.dir, filepath.Dir(path)):
		return done, wit.Errorf(wit.CodeInvalid, "%s is in the state directory, with which it would be lost: name another folder", path)
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return done, wit.Errorf(wit.CodeConflict, "%s exists already: name a new file", path)
	}
	snapshot := filepath.Join(b.dir, snapshotFile)
	_ = os.Remove(snapshot) // of one that was killed
	out, err := b.vault.Export(passphrase, func() error { return copier.Snapshot(ctx, snapshot) })
	defer os.Remove(snapshot)
	if err != nil {
		return done, err
	}
	lock, err := json.Marshal(out.Lock)
	if err != nil {
		return done, wit.Errorf(wit.CodeInternal, "backup: %w", err)
	}
	done = system.BackedUp{OK: true, Path: path, MadeAt: time.Now().UnixMilli(), OpensWith: opensWith(out.Lock)}
	head := backup.Head{Made: done.MadeAt, Version: b.version, Lock: lock}
	sum, err := b.write(ctx, path, head, out)
	if err != nil {
		return system.BackedUp{}, err
	}
	done.Files, done.Bytes, done.Skipped = sum.Files, sum.Bytes, append([]string{}, sum.Skipped...)
	if info, err := os.Stat(path); err == nil {
		done.Size = info.Size()
	}
	return done, nil
}

// opensWith says in one word what opens a backup.
func opensWith(l secret.Lock) string {
	if l.Own() {
		return "passphrase"
	}
	return "vault-" + string(l.Source())
}

// write makes the file appear whole or not at all.
func (b backups) write(ctx context.Context, path string, head backup.Head, out secret.Export) (sum backup.Summary, err error) {
	part := path + ".part"
	f, err := os.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return sum, wit.Errorf(wit.CodeUnavailable, "the backup cannot be written: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(part))
		}
	}()
	sum, err = backup.Write(ctx, f, head, out.Key, backup.Manifest{Vault: out.Vault}, b.tree())
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		if wit.CodeOf(err) == wit.CodeInternal {
			err = wit.Errorf(wit.CodeUnavailable, "the backup cannot be written: %w", err)
		}
		return sum, err
	}
	return sum, os.Rename(part, path)
}

// tree is what goes into a backup: the copy of the database, the settings wherever they are, and what else is in the state
// directory.
func (b backups) tree() backup.Tree {
	t := backup.Tree{First: []backup.Place{{Name: databaseFile, Path: filepath.Join(b.dir, snapshotFile)}}, Dir: b.dir}
	elsewhere := b.config != "" && b.config != filepath.Join(b.dir, configFile)
	if elsewhere {
		t.First = append(t.First, backup.Place{Name: configFile, Path: b.config})
	}
	t.Leave = func(name string) bool {
		if strings.Contains(name, "/") {
			return false
		}
		return transient(name) || name == secret.KeyFile || strings.HasPrefix(name, databaseFile) || elsewhere && name == configFile
	}
	return t
}

// BackupOptions say of what a backup is made while no gateway runs on it.
type BackupOptions struct {
	StateDir, ConfigPath, Version string
	// Vault is how its credentials are opened; Store and StateDir are filled in.
	Vault secret.Config
}

// Backup writes a backup of a state that no gateway has open. Errors: CodeConflict where one has; those of opening the state,
// and of backup.create.
func Backup(ctx context.Context, o BackupOptions, path, passphrase string) (done system.BackedUp, err error) {
	database := filepath.Join(o.StateDir, databaseFile)
	if _, err := os.Stat(database); err != nil {
		return done, wit.Errorf(wit.CodeNotFound, "there is no state in %s: name the state directory with --state-dir", o.StateDir)
	}
	db, err := store.Open(ctx, database, store.Options{})
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	o.Vault.Store, o.Vault.StateDir = db, o.StateDir
	vault, err := secret.Open(ctx, o.Vault)
	if err != nil {
		return done, err
	}
	return backups{db: db, vault: vault, dir: o.StateDir, config: o.ConfigPath, version: o.Version}.Backup(ctx, path, passphrase)
}
