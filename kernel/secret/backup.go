package secret

import (
	"context"
	"time"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Lock says how to come by the key of something that is kept outside of the store, a backup say. It opens nothing by itself.
type Lock struct {
	// KDF is how a passphrase of its own becomes the key.
	KDF *kdf `json:"kdf,omitempty"`
	// Check is something sealed with the key, so that a wrong one is known at once.
	Check []byte `json:"check"`
	// Header and Root are those of the vault whose key it is, where there is no such passphrase.
	Header *header `json:"vault,omitempty"`
	Root   []byte  `json:"root,omitempty"`
}

// Own reports whether the lock has a passphrase of its own.
func (l *Lock) Own() bool { return l.KDF != nil }

// Source is where the vault's key is that opens the lock.
func (l *Lock) Source() Place {
	if l.Header == nil {
		return ByPassphrase
	}
	return l.Header.Source
}

const (
	lockPurpose = "backup"
	lockCheck   = "lock"
)

// Export is what a backup needs of a vault.
type Export struct {
	Lock Lock
	// Key is what the backup is sealed with.
	Key []byte
	// Vault is the vault's own key. It belongs inside of what is sealed, and nowhere else.
	Vault []byte
}

// Export calls take while nothing in the vault changes, and returns what opens a copy of the store that take makes. Without a
// passphrase the copy is for who has the vault's key. Errors: CodeInvalid for a passphrase that is too short; take's.
func (v *Vault) Export(passphrase string, take func() error) (e Export, err error) {
	if passphrase != "" && len(passphrase) < minPassphrase {
		return e, tooShort()
	}
	v.writing.Lock()
	defer v.writing.Unlock()
	e.Vault = v.key
	if passphrase == "" {
		h := v.head()
		e.Lock.Header, e.Lock.Root, e.Key = &h, seal(v.key, rootKey, v.root.bytes()), v.Key(lockPurpose)
	} else {
		e.Lock.KDF = newKDF()
		e.Key = e.Lock.KDF.derive(passphrase)
	}
	e.Lock.Check = seal(e.Key, lockCheck, nil)
	return e, take()
}

// Open returns the key of what was exported. Of c, StateDir, Passphrase, Ring and Ask are looked at. Errors:
// CodeUnauthorized for a passphrase that is missing or wrong; CodeUnavailable where the vault's key is not here.
func (l *Lock) Open(ctx context.Context, c Config) ([]byte, error) {
	c.fill()
	if l.Header != nil {
		vault, err := l.Header.open(ctx, &c)
		if err != nil {
			return nil, err
		}
		b, err := unseal(vault, rootKey, l.Root)
		if err != nil {
			return nil, err
		}
		root, err := readRoot(b)
		if err != nil {
			return nil, err
		}
		key := root.Key(lockPurpose)
		return key, l.right(key)
	}
	if l.KDF == nil {
		return nil, wit.NewError(wit.CodeInvalid, "it does not say how it is opened: it is damaged, or of a newer carapace")
	}
	if c.Passphrase == "" && c.Ask != nil {
		var err error
		if c.Passphrase, err = c.Ask(ctx); err != nil {
			return nil, err
		}
	}
	if c.Passphrase == "" {
		return nil, wit.NewError(wit.CodeUnauthorized, "it is sealed with a passphrase: give it with --passphrase file:PATH")
	}
	keys, err := header{KDF: l.KDF}.derived(c.Passphrase)
	if err != nil {
		return nil, err
	}
	return keys[0], l.right(keys[0])
}

// right fails for a key that is not the lock's.
func (l *Lock) right(key []byte) error {
	if _, err := unseal(key, lockCheck, l.Check); err != nil {
		return wit.NewError(wit.CodeUnauthorized, "the passphrase is wrong, or the file was changed: nothing was done")
	}
	return nil
}

// Adopt makes the vault in a store, whose key is given, open by a new key file in a state folder. Errors: CodeInvalid where
// there is no vault; CodeUnavailable; the store's.
func Adopt(ctx context.Context, s store.Store, stateDir string, key []byte) error {
	opener := random(keySize)
	if err := writeKeyFile(stateDir, opener); err != nil {
		return err
	}
	return s.Update(ctx, func(tx store.Tx) error {
		old, err := headers.Get(tx, headerKey)
		if err != nil {
			return store.Named(err, "secret: the store has no vault")
		}
		h := header{Source: InFile, Created: old.Created, Rotated: time.Now().UnixMilli(), Key: seal(opener, headerKey, key)}
		return headers.Put(tx, headerKey, h)
	})
}

// OpenRoot returns the root of the keys of the vault in a store whose key is given. Errors: CodeInvalid for another vault's key;
// the store's.
func OpenRoot(ctx context.Context, s store.Store, key []byte) (Root, error) {
	if len(key) != keySize {
		return Root{}, wit.NewError(wit.CodeInvalid, "secret: this is no vault's key")
	}
	return openRoot(ctx, s, key)
}
