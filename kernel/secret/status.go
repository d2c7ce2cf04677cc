package secret

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"path/filepath"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Status says how the vault is kept. It has nothing in it that opens it.
type Status struct {
	// Source is where what opens the vault's key is.
	Source Place
	// File is the key file's path, where there is one.
	File string
	// KDF are Argon2id's parameters, where there is a passphrase; Memory in KiB.
	KDF *KDF
	// Created and Rotated are when the vault was made and when its key was changed last, in Unix milliseconds; 0 is unknown,
	// or never.
	Created, Rotated int64
	// Credentials and Damaged are how many there are, and how many of them cannot be read.
	Credentials, Damaged int
}

// KDF are the parameters by which a passphrase becomes a key.
type KDF struct{ Time, Memory, Threads int }

// Status tells how the vault is kept.
func (v *Vault) Status() Status {
	v.mu.RLock()
	defer v.mu.RUnlock()
	h := v.header
	s := Status{Source: h.Source, Created: h.Created, Rotated: h.Rotated, Credentials: len(v.values) + len(v.damaged), Damaged: len(v.damaged)}
	if h.Source == InFile {
		s.File = filepath.Join(v.config.StateDir, KeyFile)
	}
	if k := h.KDF; k != nil && h.Source == ByPassphrase {
		s.KDF = &KDF{Time: int(k.Time), Memory: int(k.Memory), Threads: int(k.Threads)}
	}
	return s
}

// Use is what is known of a credential beside its name. Set and Used are in Unix milliseconds; 0 is unknown, or never.
type Use struct {
	Entry
	Set, Used int64
	// Damaged says that it cannot be read and has to be entered again.
	Damaged bool
}

// Uses lists owner's credentials, or all with owner "", in order, with what is known of them.
func (v *Vault) Uses(owner string) []Use {
	list := v.List(owner)
	uses := make([]Use, len(list))
	for i, e := range list {
		uses[i].Entry = e
		uses[i].Set, uses[i].Used = v.history.of(e)
		v.mu.RLock()
		uses[i].Damaged = v.damaged[e]
		v.mu.RUnlock()
	}
	return uses
}

// keySpace holds keys that are made once and stay, sealed like credentials, by their names.
const keySpace = "secret.keys"

// rootKey is the record of the key that all others of Key are derived from.
const rootKey = "@keys/@/root"

// Root is what the keys of a vault derive from, and what is noted beside it.
// Its record is the key, and behind it the notes with a NUL before each.
type Root struct {
	key   []byte
	notes []string
}

// Key is the vault's of the same name.
func (r Root) Key(purpose string) []byte {
	h := hmac.New(sha256.New, r.key)
	h.Write([]byte("carapace key 1\x00" + purpose))
	return h.Sum(nil)
}

// Noted is the vault's of the same name.
func (r Root) Noted(word string) bool { return slices.Contains(r.notes, word) }

func (r Root) bytes() []byte {
	b := slices.Clone(r.key)
	for _, note := range r.notes {
		b = append(append(b, 0), note...)
	}
	return b
}

// readRoot is the reverse of bytes.
func readRoot(b []byte) (r Root, err error) {
	if len(b) < keySize {
		return r, wit.NewError(wit.CodeInvalid, "secret: the root of the keys is damaged: restore a backup")
	}
	r.key = b[:keySize]
	if len(b) > keySize {
		r.notes = strings.Split(string(b[keySize+1:]), "\x00")
	}
	return r, nil
}

// openRoot returns the root of what Key derives, after making it if there is none. A damaged one is not replaced: what was
// sealed with it would be lost for good. Nor is one that is gone from beside what may have been sealed with it.
func openRoot(ctx context.Context, s store.Store, key []byte) (r Root, err error) {
	var box []byte
	others := false
	err = s.View(ctx, func(tx store.Tx) (err error) {
		if box, err = tx.Get(keySpace, rootKey); wit.CodeOf(err) == wit.CodeNotFound {
			others, err = store.Holds(tx, func(space string) bool { return space == string(headers) })
		}
		return err
	})
	switch {
	case err != nil:
		return r, err
	case box != nil:
		if box, err = unseal(key, rootKey, box); err != nil {
			return r, err
		}
		return readRoot(box)
	case others:
		return r, wit.NewError(wit.CodeInvalid, "secret: the store has records but not the root of the keys that they are kept with: restore a backup")
	}
	r.key = random(keySize)
	return r, s.Update(ctx, func(tx store.Tx) error { return putRoot(tx, key, r) })
}

func putRoot(tx store.Tx, key []byte, r Root) error {
	return tx.Put(keySpace, rootKey, seal(key, rootKey, r.bytes()))
}

// Note keeps a word for good, where nobody can put it or take it away who does not have the vault's key. It has no NUL.
// Errors: the store's.
func (v *Vault) Note(ctx context.Context, word string) error {
	v.writing.Lock()
	defer v.writing.Unlock()
	if v.Noted(word) {
		return nil
	}
	with := Root{v.root.key, append(slices.Clone(v.root.notes), word)}
	if err := v.store.Update(ctx, func(tx store.Tx) error { return putRoot(tx, v.key, with) }); err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.root = with
	return nil
}

// Noted reports whether a word was noted.
func (v *Vault) Noted(word string) bool {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.root.Noted(word)
}
