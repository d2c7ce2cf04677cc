package secret

import (
	"context"
	"path/filepath"

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

// openRoot returns the root of what Key derives, after making it if there is none. A damaged one is not replaced: what was
// sealed with it would be lost for good.
func openRoot(ctx context.Context, s store.Store, key []byte) (root []byte, err error) {
	var box []byte
	err = s.View(ctx, func(tx store.Tx) (err error) {
		box, err = tx.Get(keySpace, rootKey)
		return err
	})
	switch wit.CodeOf(err) {
	case "":
		return unseal(key, rootKey, box)
	case wit.CodeNotFound:
		root = random(keySize)
		err = s.Update(ctx, func(tx store.Tx) error { return tx.Put(keySpace, rootKey, seal(key, rootKey, root)) })
	}
	return root, err
}
