package kernel

import (
	"context"
	"os"

	"github.com/carapace-gateway/carapace/kernel/media"
	"github.com/carapace-gateway/carapace/kernel/secret"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// state is what is durable.
type state struct {
	db    store.Store
	vault *secret.Vault
	media *media.Store
}

// openState opens the state directory, or its like in memory.
func (k *Kernel) openState(ctx context.Context) (err error) {
	s := &k.state
	if s.db, err = k.openStore(ctx); err != nil {
		return err
	}
	k.closers.add(s.db.Close)
	if err := k.settings.Move(ctx, s.db); err != nil {
		return err
	}
	keyring := k.o.StateDir != "" && (k.start.Secrets.Keyring == nil || *k.start.Secrets.Keyring)
	s.vault, err = secret.Open(ctx, secret.Config{
		Store: s.db, StateDir: k.o.StateDir, Passphrase: k.o.Passphrase, Keyring: keyring, Logger: k.log.Named("secret"),
	})
	if err != nil {
		return err
	}
	k.o.Log.Redact(s.vault.Redact)
	if dir := k.o.dir("media"); dir != "" {
		s.media, err = media.Open(ctx, dir, s.db, media.Limits{}, k.log.Named("media"))
	} else {
		s.media, err = media.OpenMemory(ctx, s.db, media.Limits{})
	}
	return err
}

func (k *Kernel) openStore(ctx context.Context) (store.Store, error) {
	if k.o.StateDir == "" {
		return store.OpenMemory(), nil
	}
	if err := os.MkdirAll(k.o.StateDir, 0o700); err != nil {
		return nil, wit.Errorf(wit.CodeUnavailable, "make the state directory: %w", err)
	}
	return store.Open(ctx, k.o.dir(databaseFile), store.Options{Logger: k.log.Named("store")})
}

// check reads all of the database, where there is a file to be read.
func (s *state) check(ctx context.Context) error {
	if c, ok := s.db.(interface{ Check(context.Context) error }); ok {
		return c.Check(ctx)
	}
	return nil
}
