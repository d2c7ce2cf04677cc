package secret

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"golang.org/x/crypto/argon2"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// KeyFile is the name of the key file in the state folder.
const KeyFile = "secret.key"

const keySize = 32

// Place is where the key comes from that opens the vault's key.
type Place string

// The places. InMemory is that of a store in memory: it ends with the process, and so does the store.
const (
	InKeyring    Place = "keyring"
	ByPassphrase Place = "passphrase"
	InFile       Place = "file"
	InMemory     Place = "memory"
)

// header is the vault's own record: the vault's key, sealed, and how to come by what opens it.
type header struct {
	Source Place `json:"source"`
	// Item is the entry in the keyring.
	Item string `json:"item,omitempty"`
	KDF  *kdf   `json:"kdf,omitempty"`
	Key  []byte `json:"key"`
	// Created and Rotated are when the vault was made and when it got this key, in Unix milliseconds; 0 is unknown.
	Created int64 `json:"created,omitempty"`
	Rotated int64 `json:"rotated,omitempty"`
}

// kdf is Argon2id's parameters; memory in KiB.
type kdf struct {
	Time    uint32 `json:"time"`
	Memory  uint32 `json:"memory"`
	Threads uint8  `json:"threads"`
	Salt    []byte `json:"salt"`
}

var headers = store.Table[header]("secret.vault")

// headerKey is the header's record, and the name that its key is sealed to.
const headerKey = "key"

// openKey returns the vault's header and key, after making the vault if there is none.
// Records without the header are not overwritten, or taken for good, by a new vault: with the header restored they can still be
// read.
func openKey(ctx context.Context, c *Config) (h header, key []byte, err error) {
	found, orphans := false, false
	err = c.Store.View(ctx, func(tx store.Tx) (err error) {
		h, err = headers.Get(tx, headerKey)
		found = err == nil
		if wit.CodeOf(err) == wit.CodeNotFound {
			orphans, err = store.Holds(tx, func(string) bool { return false })
		}
		return err
	})
	switch {
	case err != nil:
		return h, nil, err
	case found:
		return reopen(ctx, c, h)
	case orphans:
		return h, nil, wit.NewError(wit.CodeInvalid, "secret: the store has records but not the key record that they are kept with: restore a backup")
	}
	return create(ctx, c)
}

// create makes a vault with a random key. A new passphrase seals that key anew and no credentials; see Rekey.
func create(ctx context.Context, c *Config) (h header, key []byte, err error) {
	key = random(keySize)
	h, opener, err := choose(ctx, c)
	if err != nil {
		return h, nil, err
	}
	h.Created = time.Now().UnixMilli()
	h.Key = seal(opener, headerKey, key)
	c.Logger.Info("credential store created", "key", h.Source)
	return h, key, save(ctx, c, h)
}

// choose takes the best source that works for a new vault.
// A keyring that does not work is no error here; one that a vault's header names is, in opener. The file comes
// last, because it protects from other users of the machine and not from whoever has the disk.
func choose(ctx context.Context, c *Config) (header, []byte, error) {
	if c.Keyring {
		item := "vault " + hex.EncodeToString(random(8))
		opener, err := ringKey(ctx, c.Ring, item, random(keySize))
		if err == nil {
			return header{Source: InKeyring, Item: item}, opener, nil
		}
		c.Logger.Info("no system keyring here, which is fine: the key of the credentials is kept "+c.elsewhere(), "keyring", err)
	}
	if c.Passphrase != "" {
		h := header{Source: ByPassphrase, KDF: newKDF()}
		return h, h.KDF.derive(c.Passphrase), nil
	}
	if c.StateDir == "" {
		return header{Source: InMemory}, random(keySize), nil
	}
	openers, err := readKeyFile(c.StateDir)
	if errors.Is(err, fs.ErrNotExist) {
		openers = [][]byte{random(keySize)}
		err = writeKeyFile(c.StateDir, openers[0])
	}
	if err != nil {
		return header{}, nil, err
	}
	return header{Source: InFile}, openers[0], nil
}

// elsewhere says where the key is where no keyring has it, for people.
func (c *Config) elsewhere() string {
	switch {
	case c.Passphrase != "":
		return "by the passphrase"
	case c.StateDir == "":
		return "in memory"
	}
	return "in " + filepath.Join(c.StateDir, KeyFile) + ", which only you can read"
}

// save writes the header, in one transaction, so a vault has the old opener or the new one.
func save(ctx context.Context, c *Config, h header) error {
	return c.Store.Update(ctx, func(tx store.Tx) error { return headers.Put(tx, headerKey, h) })
}

// reopen opens a vault that exists, from where its header says and from nowhere else.
func reopen(ctx context.Context, c *Config, h header) (header, []byte, error) {
	key, err := h.open(ctx, c)
	if err != nil {
		return h, nil, err
	}
	if h.Source == InFile && c.Passphrase != "" {
		return protect(ctx, c, h, key)
	}
	return h, key, nil
}

// open returns the vault's key. Its errors say what the owner can do.
func (h header) open(ctx context.Context, c *Config) ([]byte, error) {
	openers, err := h.openers(ctx, c)
	if err != nil {
		return nil, err
	}
	for _, opener := range openers {
		key, err := unseal(opener, headerKey, h.Key)
		if err != nil {
			continue
		}
		if h.Source == InFile && len(openers) > 1 { // a change was cut off: the other key opens nothing
			return key, replaceKeyFile(c.StateDir, opener)
		}
		return key, nil
	}
	return nil, h.wrong(c)
}

// openers fetches or derives the keys of which one opens the vault's: more than one only where a change of the key file
// was cut off.
func (h header) openers(ctx context.Context, c *Config) ([][]byte, error) {
	switch h.Source {
	case InKeyring:
		opener, err := ringKey(ctx, c.Ring, h.Item, nil)
		if err != nil {
			return nil, wit.Errorf(wit.CodeUnavailable, "secret: the credentials' key is in the system's keyring, which does not release it: unlock the keyring and start again: %w", err)
		}
		return [][]byte{opener}, nil
	case ByPassphrase:
		if c.Passphrase == "" && c.Ask != nil {
			return h.asked(ctx, c)
		}
		if c.Passphrase == "" {
			return nil, wit.NewError(wit.CodeUnauthorized, "secret: the credentials are protected by a passphrase: give it with CARAPACE_PASSPHRASE or --passphrase file:PATH")
		}
		return h.derived(c.Passphrase)
	case InFile:
		openers, err := readKeyFile(c.StateDir)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, wit.Errorf(wit.CodeUnavailable, "secret: the credentials' key file is missing: restore %s", filepath.Join(c.StateDir, KeyFile))
		}
		return openers, err
	}
	return nil, wit.Errorf(wit.CodeInvalid, "secret: the credentials' key is kept in %.20q, which this gateway does not know: upgrade carapace", string(h.Source))
}

// derived is what opens the vault if the passphrase is right.
func (h header) derived(passphrase string) ([][]byte, error) {
	if h.KDF == nil || !h.KDF.sane() {
		return nil, wit.NewError(wit.CodeInvalid, "secret: the passphrase's stored parameters are damaged: restore a backup")
	}
	return [][]byte{h.KDF.derive(passphrase)}, nil
}

// tries is how often somebody is asked for the passphrase, with a pause that grows after each that was wrong.
const tries = 3

// asked asks for the passphrase until it is right.
func (h header) asked(ctx context.Context, c *Config) ([][]byte, error) {
	for n := range tries {
		passphrase, err := c.Ask(ctx)
		if err != nil {
			return nil, wit.Errorf(wit.CodeUnauthorized, "secret: the credentials are protected by a passphrase, which was not given: %w", err)
		}
		openers, err := h.derived(passphrase)
		if err != nil {
			return nil, err
		}
		if _, err := unseal(openers[0], headerKey, h.Key); err == nil {
			c.Redactor.Learn("passphrase", passphrase)
			return openers, nil
		}
		c.Logger.Warn("the passphrase is wrong", "try", n+1, "of", tries)
		select {
		case <-time.After(time.Duration(n+1) * time.Second):
		case <-ctx.Done():
			return nil, wit.Errorf(wit.CodeTimeout, "secret: nobody gave the passphrase: %w", ctx.Err())
		}
	}
	return nil, h.wrong(c)
}

// wrong is the error of a key that does not open the vault. Wrong and damaged cannot be told apart.
func (h header) wrong(c *Config) error {
	switch h.Source {
	case ByPassphrase:
		return wit.NewError(wit.CodeUnauthorized, "secret: the passphrase is wrong, or the store is damaged: try again")
	case InFile:
		return wit.Errorf(wit.CodeUnauthorized, "secret: %s is not the key of this store: restore the one that belongs to it", filepath.Join(c.StateDir, KeyFile))
	}
	return wit.NewError(wit.CodeUnauthorized, "secret: the keyring's key is not the key of this store: restore the one that belongs to it")
}

// protect moves a vault from its key file to the passphrase. The file goes last: until then it is
// merely useless.
func protect(ctx context.Context, c *Config, old header, key []byte) (header, []byte, error) {
	h, opener, err := choose(ctx, &Config{Passphrase: c.Passphrase})
	if err != nil {
		return old, nil, err
	}
	h.Created, h.Rotated, h.Key = old.Created, old.Rotated, seal(opener, headerKey, key)
	if err := save(ctx, c, h); err != nil {
		return old, nil, err
	}
	c.Logger.Info("credentials now protected by the passphrase, key file removed")
	if err := os.Remove(filepath.Join(c.StateDir, KeyFile)); err != nil {
		c.Logger.Warn("removing the old key file failed, remove it by hand", "error", err)
	}
	return h, key, nil
}

// newKDF has the parameters of new passphrases.
func newKDF() *kdf { return &kdf{Time: 3, Memory: 64 << 10, Threads: 4, Salt: random(16)} }

// sane bounds what a damaged or hostile store can make the derivation cost.
func (k *kdf) sane() bool {
	return k.Time >= 1 && k.Time <= 16 && k.Memory >= 8<<10 && k.Memory <= 1<<20 && k.Threads >= 1 && k.Threads <= 16 && len(k.Salt) >= 16 && len(k.Salt) <= 64
}

// derive is expensive on purpose, in time and memory: so is each guess.
func (k *kdf) derive(passphrase string) []byte {
	defer debug.FreeOSMemory() // the derivation's memory is more than the gateway needs for all else
	return argon2.IDKey([]byte(passphrase), k.Salt, k.Time, k.Memory, k.Threads, keySize)
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // it never fails
	return b
}
