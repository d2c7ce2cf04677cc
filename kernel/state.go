package kernel

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/carapace-gateway/carapace/kernel/claim"
	"github.com/carapace-gateway/carapace/kernel/media"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/secret"
	mediaservice "github.com/carapace-gateway/carapace/kernel/service/media"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// state is what is durable.
type state struct {
	file   store.Store  // what is on the disk
	db     store.Store  // the same, of which all but the credentials is guarded and may be sealed
	claims claim.Claims // of those who share the store
	vault  *secret.Vault
	form   *sealing
	media  *media.Store
}

// openState opens the state directory, or its like in memory.
func (k *Kernel) openState(ctx context.Context) (err error) {
	s := &k.state
	if s.file, err = k.openStore(ctx); err != nil {
		return err
	}
	k.closers.add(s.file.Close)
	s.claims = new(claim.Local)
	keyring := k.o.StateDir != "" && (k.start.Secrets.Keyring == nil || *k.start.Secrets.Keyring)
	s.vault, err = secret.Open(ctx, secret.Config{
		Store: s.file, StateDir: k.o.StateDir, Passphrase: k.o.Passphrase, Keyring: keyring || k.o.Keyring != nil,
		Ask: k.o.AskPassphrase, Ring: k.o.Keyring, Logger: k.log.Named("secret"),
	})
	if err != nil {
		return err
	}
	k.o.Log.Redact(s.vault.Redact)
	sealed, err := OpenRecords(ctx, s.file, s.vault)
	if err != nil {
		return err
	}
	s.db, s.form = sealed, newSealing(sealed, s.vault, k.log.Named("store"))
	if err := k.settings.Move(ctx, s.db); err != nil {
		return err
	}
	return k.openMedia(ctx)
}

func (k *Kernel) openMedia(ctx context.Context) (err error) {
	s := &k.state
	o := media.Options{
		Limits: k.mediaLimits, Gone: mediaservice.Gone(k.bus), Log: k.log.Named("media"),
		Sealed: s.form.closed, Key: s.vault.Key(mediaKey),
	}
	dir := k.o.dir("media")
	if dir == "" {
		s.media, err = media.OpenMemory(ctx, s.db, o)
		return err
	}
	if s.media, err = media.Open(ctx, dir, s.db, o); err != nil {
		return err
	}
	s.form.files = append(s.form.files, s.media.Convert)
	return nil
}

// mediaLimits are what the settings say of files.
func (k *Kernel) mediaLimits() media.Limits {
	m := k.settings.Config().Media
	file, total, _ := m.Bytes() // the settings were checked
	return media.Limits{MaxFile: file, MaxTotal: total, TTL: time.Duration(m.KeepDays) * 24 * time.Hour}
}

func (k *Kernel) openStore(ctx context.Context) (store.Store, error) {
	switch {
	case k.o.Store != nil:
		return k.o.Store, nil
	case k.o.StateDir == "":
		return store.OpenMemory(), nil
	}
	// The plugins' folder is made as well, since one that is missing is waited for in the one above, where the database
	// is written many times a second.
	for _, dir := range []string{k.o.StateDir, k.o.dir("plugins")} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, wit.Errorf(wit.CodeUnavailable, "make the state directory: %w", err)
		}
	}
	if err := private(k.o.StateDir, k.o.dir("plugins"), k.o.dir("cache")); err != nil {
		return nil, err
	}
	if err := k.checkRestored(); err != nil {
		return nil, err
	}
	if err := k.checkLost(); err != nil {
		return nil, err
	}
	return store.Open(ctx, k.o.dir(databaseFile), store.Options{Logger: k.log.Named("store"), Asker: clientOf, CacheKB: k.share.store >> 10})
}

// clientOf is the connection of the client for whom something is done, "" for the gateway itself.
func clientOf(ctx context.Context) string {
	if c := rpc.CallerOf(ctx); c != nil {
		return c.ConnID
	}
	return ""
}

// checkRestored ends a restore that was cut off.
func (k *Kernel) checkRestored() error {
	for _, name := range []string{restoreReady, restoreFinal} {
		if _, err := os.Stat(k.o.dir(name)); err != nil {
			continue
		}
		return store.Lock(k.o.dir(databaseFile), func() error {
			_, err := finishRestore(k.o.StateDir)
			return err
		})
	}
	return nil
}

// checkLost refuses to begin anew beside what belongs to a database that is gone: its credentials' key, its media. Somebody
// who has lost it would otherwise find out when it is too late.
func (k *Kernel) checkLost() error {
	if info, err := os.Stat(k.o.dir(databaseFile)); err == nil && info.Size() > 0 || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil // it is there, or opening it says what is wrong
	}
	for _, left := range []string{secret.KeyFile, "media"} {
		path := k.o.dir(left)
		info, err := os.Stat(path)
		if err != nil {
			continue
		}
		if files, _ := os.ReadDir(path); info.IsDir() && len(files) == 0 {
			continue
		}
		return wit.Errorf(wit.CodeConflict, "%s is missing or empty, and %s belongs to one: restore it from a backup, or move %s away to begin anew",
			k.o.dir(databaseFile), path, path)
	}
	return nil
}

// answers reads a record, whether there is one or not. It writes nothing: anybody may ask.
func (s *state) answers(ctx context.Context) error {
	return s.db.View(ctx, func(tx store.Tx) error {
		_, err := tx.Get("probe", "probe")
		if wit.CodeOf(err) == wit.CodeNotFound {
			return nil
		}
		return err
	})
}

// check reads all of the database, where there is a file to be read.
func (s *state) check(ctx context.Context) error { return s.form.db.Check(ctx) }
