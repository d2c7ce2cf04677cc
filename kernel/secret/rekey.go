package secret

import (
	"context"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// minPassphrase is the least length of a new passphrase, in bytes.
const minPassphrase = 8

// Rekey gives the vault a new key, seals all that is in it anew in one transaction, and keeps what opens the new key at a
// place, which may be the one before; "" is that one. A passphrase is for ByPassphrase only, and needed there.
//
// Cut off at any point, the vault is whole under the old key or under the new one. What Key derives stays what it is. A
// damaged credential stays damaged. What is left of the old key opens copies that were made before, and nothing else.
//
// Errors: CodeInvalid for a place that cannot be, or a passphrase that is too short or not wanted; CodeUnavailable if the
// keyring or the file cannot be written; the store's.
func (v *Vault) Rekey(ctx context.Context, to Place, passphrase string) error {
	v.writing.Lock()
	defer v.writing.Unlock()
	old := v.head()
	if to == "" {
		to = old.Source
	}
	h, opener, err := v.prepare(ctx, to, passphrase)
	if err != nil {
		return err
	}
	key := random(keySize)
	h.Created, h.Rotated, h.Key = old.Created, time.Now().UnixMilli(), seal(opener, headerKey, key)
	err = v.store.Update(ctx, func(tx store.Tx) error {
		if err := v.reseal(tx, key); err != nil {
			return err
		}
		return headers.Put(tx, headerKey, h)
	})
	if err != nil {
		return err // the place has a key too many, which opens nothing
	}
	v.mu.Lock()
	v.key, v.header = key, h
	v.mu.Unlock()
	if to == ByPassphrase {
		v.Learn("passphrase", passphrase)
	}
	v.settle(ctx, old, opener)
	v.log.Info("credentials sealed with a new key", "kept", string(to), "before", string(old.Source))
	return nil
}

// prepare puts a new opener at a place, beside the one that is there: until the header names it, it opens nothing.
func (v *Vault) prepare(ctx context.Context, to Place, passphrase string) (h header, opener []byte, err error) {
	if (to == ByPassphrase) != (passphrase != "") {
		return h, nil, wit.NewError(wit.CodeInvalid, "secret: a passphrase belongs to the place \"passphrase\", and is needed there")
	}
	opener = random(keySize)
	switch to {
	case InKeyring:
		item := "vault " + hex.EncodeToString(random(8))
		if _, err := ringKey(ctx, v.config.Ring, item, opener); err != nil {
			return h, nil, wit.Errorf(wit.CodeUnavailable, "secret: the system's keyring does not take the key, so nothing was changed: %w", err)
		}
		return header{Source: to, Item: item}, opener, nil
	case ByPassphrase:
		if len(passphrase) < minPassphrase {
			return h, nil, tooShort()
		}
		h = header{Source: to, KDF: newKDF()}
		return h, h.KDF.derive(passphrase), nil
	case InFile:
		if v.config.StateDir == "" {
			break
		}
		before, err := readKeyFile(v.config.StateDir)
		if errors.Is(err, fs.ErrNotExist) {
			return header{Source: to}, opener, writeKeyFile(v.config.StateDir, opener)
		}
		if err != nil {
			return h, nil, err
		}
		return header{Source: to}, opener, replaceKeyFile(v.config.StateDir, opener, before[0])
	case InMemory:
		if v.config.StateDir == "" {
			return header{Source: to}, opener, nil
		}
	}
	return h, nil, wit.Errorf(wit.CodeInvalid, "secret: the key cannot be kept in %.20q here: take keyring, passphrase or file", string(to))
}

func tooShort() error {
	return wit.Errorf(wit.CodeInvalid, "secret: the passphrase has less than %d characters: take a longer one", minPassphrase)
}

// reseal seals all that is in the vault under another key.
func (v *Vault) reseal(tx store.Tx, key []byte) error {
	for _, space := range []string{space, keySpace} {
		for rec, err := range tx.Scan(space, store.Range{}) {
			if err != nil {
				return err
			}
			value, err := unseal(v.key, rec.Key, rec.Value)
			if err != nil {
				continue // it is damaged, and stays so
			}
			if err := tx.Put(space, rec.Key, seal(key, rec.Key, value)); err != nil {
				return err
			}
		}
	}
	return nil
}

// settle takes away what opened the vault before. What cannot be taken away is said, and harms nothing here.
func (v *Vault) settle(ctx context.Context, old header, opener []byte) {
	var err error
	switch now := v.head().Source; {
	case old.Source == InKeyring:
		err = forget(ctx, v.config.Ring, old.Item)
	case now == InFile:
		err = replaceKeyFile(v.config.StateDir, opener)
	case old.Source == InFile:
		err = os.Remove(filepath.Join(v.config.StateDir, KeyFile))
	}
	if err != nil {
		v.log.Warn("what opened the credentials before is still there, remove it by hand", "kept", string(old.Source), "error", err)
	}
}

// head is the header that counts.
func (v *Vault) head() header {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.header
}
