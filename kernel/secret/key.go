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
	"strings"

	"golang.org/x/crypto/argon2"

	"github.com/carapace-gateway/carapace/kernel/file"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// KeyFile is the name of the key file in the state folder.
const KeyFile = "secret.key"

const keySize = 32

// source says where the key that opens the vault's key comes from.
type source string

const (
	fromKeyring    source = "keyring"
	fromPassphrase source = "passphrase"
	fromFile       source = "file"
	fromNowhere    source = "memory" // it ends with the process, and so does the store
)

// header is the vault's own record: the vault's key, sealed, and how to come by what opens it.
type header struct {
	Source source `json:"source"`
	// Item is the entry in the keyring.
	Item string `json:"item,omitempty"`
	KDF  *kdf   `json:"kdf,omitempty"`
	Key  []byte `json:"key"`
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

// openKey returns the vault's key, after making the vault if there is none.
// Credentials without the header are not overwritten by a new vault: with the header restored they can still be
// read.
func openKey(ctx context.Context, c *Config) ([]byte, error) {
	var h header
	found, orphans := false, false
	err := c.Store.View(ctx, func(tx store.Tx) (err error) {
		for range tx.Scan(space, store.Range{Limit: 1}) {
			orphans = true
		}
		h, err = headers.Get(tx, headerKey)
		found = err == nil
		if wit.CodeOf(err) == wit.CodeNotFound {
			return nil
		}
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case found:
		return reopen(ctx, c, h)
	case orphans:
		return nil, wit.NewError(wit.CodeInvalid, "secret: the store has credentials but not the key record that opens them: restore a backup")
	}
	return create(ctx, c)
}

// create makes a vault with a random key. That key never changes, so a new passphrase seals one key anew and no
// credentials.
func create(ctx context.Context, c *Config) ([]byte, error) {
	key := random(keySize)
	h, opener, err := choose(ctx, c)
	if err != nil {
		return nil, err
	}
	c.Logger.Info("credential store created", "key", h.Source)
	return key, save(ctx, c, h, opener, key)
}

// choose takes the best source that works for a new vault.
// A keyring that does not work is no error here; one that a vault's header names is, in opener. The file comes
// last, because it protects from other users of the machine and not from whoever has the disk.
func choose(ctx context.Context, c *Config) (header, []byte, error) {
	if c.Keyring {
		item := "vault " + hex.EncodeToString(random(8))
		opener, err := ringKey(ctx, c.Ring, item, random(keySize))
		if err == nil {
			return header{Source: fromKeyring, Item: item}, opener, nil
		}
		c.Logger.Info("no system keyring here, which is fine: the key of the credentials is kept "+c.elsewhere(), "keyring", err)
	}
	if c.Passphrase != "" {
		h := header{Source: fromPassphrase, KDF: &kdf{Time: 3, Memory: 64 << 10, Threads: 4, Salt: random(16)}}
		return h, h.KDF.derive(c.Passphrase), nil
	}
	if c.StateDir == "" {
		return header{Source: fromNowhere}, random(keySize), nil
	}
	opener, err := readKeyFile(c.StateDir)
	if errors.Is(err, fs.ErrNotExist) {
		opener = random(keySize)
		err = writeKeyFile(c.StateDir, opener)
	}
	return header{Source: fromFile}, opener, err
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
func save(ctx context.Context, c *Config, h header, opener, key []byte) error {
	h.Key = seal(opener, headerKey, key)
	return c.Store.Update(ctx, func(tx store.Tx) error { return headers.Put(tx, headerKey, h) })
}

// reopen opens a vault that exists, from where its header says and from nowhere else.
func reopen(ctx context.Context, c *Config, h header) ([]byte, error) {
	opener, err := h.opener(ctx, c)
	if err != nil {
		return nil, err
	}
	key, err := unseal(opener, headerKey, h.Key)
	if err != nil {
		return nil, h.wrong(c)
	}
	if h.Source == fromFile && c.Passphrase != "" {
		return key, protect(ctx, c, key)
	}
	return key, nil
}

// opener fetches or derives the key that opens the vault's. Its errors say what the owner can do.
func (h header) opener(ctx context.Context, c *Config) ([]byte, error) {
	switch h.Source {
	case fromKeyring:
		opener, err := ringKey(ctx, c.Ring, h.Item, nil)
		if err != nil {
			return nil, wit.Errorf(wit.CodeUnavailable, "secret: the credentials' key is in the system's keyring, which does not release it: unlock the keyring and start again: %w", err)
		}
		return opener, nil
	case fromPassphrase:
		if c.Passphrase == "" {
			return nil, wit.NewError(wit.CodeUnauthorized, "secret: the credentials are protected by a passphrase: give it")
		}
		if h.KDF == nil || !h.KDF.sane() {
			return nil, wit.NewError(wit.CodeInvalid, "secret: the passphrase's stored parameters are damaged: restore a backup")
		}
		return h.KDF.derive(c.Passphrase), nil
	case fromFile:
		opener, err := readKeyFile(c.StateDir)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, wit.Errorf(wit.CodeUnavailable, "secret: the credentials' key file is missing: restore %s", filepath.Join(c.StateDir, KeyFile))
		}
		return opener, err
	}
	return nil, wit.Errorf(wit.CodeInvalid, "secret: the credentials' key is kept in %.20q, which this gateway does not know: upgrade carapace", string(h.Source))
}

// wrong is the error of a key that does not open the vault. Wrong and damaged cannot be told apart.
func (h header) wrong(c *Config) error {
	switch h.Source {
	case fromPassphrase:
		return wit.NewError(wit.CodeUnauthorized, "secret: the passphrase is wrong, or the store is damaged: try again")
	case fromFile:
		return wit.Errorf(wit.CodeUnauthorized, "secret: %s is not the key of this store: restore the one that belongs to it", filepath.Join(c.StateDir, KeyFile))
	}
	return wit.NewError(wit.CodeUnauthorized, "secret: the keyring's key is not the key of this store: restore the one that belongs to it")
}

// protect moves a vault from its key file to the passphrase. The file goes last: until then it is
// merely useless.
func protect(ctx context.Context, c *Config, key []byte) error {
	h, opener, err := choose(ctx, &Config{Passphrase: c.Passphrase})
	if err != nil {
		return err
	}
	if err := save(ctx, c, h, opener, key); err != nil {
		return err
	}
	c.Logger.Info("credentials now protected by the passphrase, key file removed")
	if err := os.Remove(filepath.Join(c.StateDir, KeyFile)); err != nil {
		c.Logger.Warn("removing the old key file failed, remove it by hand", "error", err)
	}
	return nil
}

// sane bounds what a damaged or hostile store can make the derivation cost.
func (k *kdf) sane() bool {
	return k.Time >= 1 && k.Time <= 16 && k.Memory >= 8<<10 && k.Memory <= 1<<20 && k.Threads >= 1 && k.Threads <= 16 && len(k.Salt) >= 16 && len(k.Salt) <= 64
}

// derive is expensive on purpose, in time and memory: so is each guess.
func (k *kdf) derive(passphrase string) []byte {
	defer debug.FreeOSMemory() // the derivation's memory is more than the gateway needs for all else
	return argon2.IDKey([]byte(passphrase), k.Salt, k.Time, k.Memory, k.Threads, keySize)
}

// readKeyFile returns the key, or an error that wraps fs.ErrNotExist.
func readKeyFile(dir string) ([]byte, error) {
	path := filepath.Join(dir, KeyFile)
	info, err := os.Lstat(path)
	if err != nil {
		return nil, wit.Errorf(wit.CodeUnavailable, "secret: the credentials' key file cannot be read: %w", err)
	}
	if err := checkMode(path, info); err != nil {
		return nil, err
	}
	b, err := file.Read(path, 4*keySize)
	if err != nil {
		return nil, wit.Errorf(wit.CodeUnavailable, "secret: the credentials' key file cannot be read: %w", err)
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(b)))
	if err != nil || len(key) != keySize {
		return nil, wit.Errorf(wit.CodeInvalid, "secret: %s is not a key file: restore the one that belongs to this state", path)
	}
	return key, nil
}

// writeKeyFile makes the file appear whole or not at all, and never over another.
// A link fails where the name exists, which a rename would replace: the key of another vault would be lost with
// it. CreateTemp makes files of mode 0600.
func writeKeyFile(dir string, key []byte) error {
	err := func() error {
		tmp, err := os.CreateTemp(dir, KeyFile+".*")
		if err != nil {
			return err
		}
		defer os.Remove(tmp.Name())
		_, err = tmp.WriteString(hex.EncodeToString(key) + "\n")
		if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
			return err
		}
		if err := os.Link(tmp.Name(), filepath.Join(dir, KeyFile)); err != nil {
			return err
		}
		return syncDir(dir)
	}()
	if err != nil {
		return wit.Errorf(wit.CodeUnavailable, "secret: the credentials' key file cannot be written: check the state folder's owner and mode: %w", err)
	}
	return nil
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // it never fails
	return b
}
