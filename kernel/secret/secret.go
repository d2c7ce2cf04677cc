// Package secret keeps credentials: encrypted in the store, named by owner (a plugin's id), account and
// name, readable only through a Vault.
//
// Values are sealed with XChaCha20-Poly1305 under a random key of the vault, each bound to its own
// name, so that a record moved to another name does not open. The vault's key is itself stored sealed,
// under a key that comes from one of three places, chosen when the vault is made: the system's keyring,
// a passphrase (Argon2id), or a file of mode 0600 in the state folder. A later passphrase moves a vault
// from the file to it; Rekey moves it anywhere, with a new key.
//
// A Vault reads everything once at Open. It knows the values then, which is what Redact needs to keep
// them out of logs, and Get does no work. The store must not be changed behind it. Values are never
// part of an error, a log line or a list. Everything is safe for concurrent use; writes take turns.
package secret

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Bounds of what is kept.
const (
	MaxPerOwner = 100
	MaxName     = 64  // bytes of an owner or a name
	MaxAccount  = 128 // bytes of an account
	MaxValue    = 64 << 10
)

// space holds the sealed values, by owner/account/name.
const space = "secret"

// Entry names a credential. Account is empty for one that serves all accounts of its owner.
type Entry struct {
	Owner   string `json:"owner"`
	Account string `json:"account,omitempty"`
	Name    string `json:"name"`
}

// Config is what a vault needs.
type Config struct {
	Store store.Store
	// StateDir is where the key file lies, if one is used. Without it, and without passphrase and
	// keyring, the key is kept nowhere: for a store in memory.
	StateDir string
	// Passphrase protects a new vault, or opens one that it protects.
	Passphrase string
	// Keyring lets a new vault keep its key in the system's keyring.
	Keyring bool
	// Ask asks for the passphrase that protects a vault, where none is given; nil asks nobody.
	Ask func(context.Context) (string, error)
	// Ring stands in for the system's keyring; nil is the system's.
	Ring Ring
	// Redactor learns the values; nil makes a new one.
	Redactor *Redactor
	// Logger is told where the key is kept. nil is silence.
	Logger hclog.Logger
}

// Vault is an open credential store.
// values are what the store has; they change only once the store has.
type Vault struct {
	*Redactor
	store   store.Store
	config  Config
	log     hclog.Logger
	history history
	found   atomic.Pointer[leaks]

	writing sync.Mutex // held while store and values change together
	mu      sync.RWMutex
	header  header
	root    Root   // of Key
	key     []byte // changed only while writing is held too, as is root
	values  map[Entry]string
	damaged map[Entry]bool
	retired []string // values that were replaced or deleted, the latest last
}

// maxRetired is how many values stay hidden that are no credentials any more.
const maxRetired = 100

// Open opens the vault in the store, and makes it if there is none.
//
// Errors: CodeUnauthorized for a wrong or missing passphrase or key; CodeUnavailable if the keyring or
// the key file cannot be read; CodeInvalid if the key file may be read by others or the vault is
// damaged. A single damaged credential is no error here but one of its Get.
func Open(ctx context.Context, c Config) (*Vault, error) {
	c.fill()
	c.Redactor.Learn("passphrase", c.Passphrase)
	h, key, err := openKey(ctx, &c)
	if err != nil {
		return nil, err
	}
	v := &Vault{Redactor: c.Redactor, store: c.Store, config: c, log: c.Logger, header: h, key: key, values: map[Entry]string{}, damaged: map[Entry]bool{}}
	v.config.Passphrase = "" // it is not needed any more
	if v.root, err = openRoot(ctx, c.Store, key); err != nil {
		return nil, err
	}
	err = c.Store.View(ctx, func(tx store.Tx) error {
		if err := v.history.load(tx); err != nil {
			return err
		}
		for rec, err := range tx.Scan(space, store.Range{}) {
			if err != nil {
				return err
			}
			v.load(rec, c.Logger)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	v.learn()
	return v, nil
}

// fill puts what works in the place of what was left out.
func (c *Config) fill() {
	if c.Redactor == nil {
		c.Redactor = &Redactor{}
	}
	if c.Logger == nil {
		c.Logger = hclog.NewNullLogger()
	}
	if c.Ring == nil {
		c.Ring = systemRing{}
	}
}

// load takes up one record. What cannot be opened is remembered as damaged, so that it is listed and can be
// replaced or deleted.
func (v *Vault) load(rec store.Record, log hclog.Logger) {
	e, ok := parse(rec.Key)
	if !ok {
		log.Warn("stored credential ignored: invalid name", "key", rec.Key)
		return
	}
	value, err := unseal(v.key, rec.Key, rec.Value)
	if err != nil {
		log.Warn("stored credential damaged: enter it again", "owner", e.Owner, "account", e.Account, "name", e.Name)
		v.damaged[e] = true
		return
	}
	v.values[e] = string(value)
}

// Get returns the value. Errors: CodeNotFound; CodeInvalid for a name that cannot be, or a record that
// was damaged or tampered with.
func (v *Vault) Get(_ context.Context, owner, account, name string) (string, error) {
	e := Entry{owner, account, name}
	if err := e.check(); err != nil {
		return "", err
	}
	v.mu.RLock()
	defer v.mu.RUnlock()
	if value, ok := v.values[e]; ok {
		v.history.use(e)
		return value, nil
	}
	if v.damaged[e] {
		return "", wit.Errorf(wit.CodeInvalid, "secret: the stored %s is damaged: enter it again", e)
	}
	return "", wit.Errorf(wit.CodeNotFound, "secret: there is no %s: enter it", e)
}

// Has reports whether Get would return a value.
func (v *Vault) Has(owner, account, name string) bool {
	v.mu.RLock()
	defer v.mu.RUnlock()
	_, ok := v.values[Entry{owner, account, name}]
	return ok
}

// Put creates or replaces. Errors: CodeInvalid for a name that cannot be or an empty value; CodeTooLarge
// for a value over MaxValue, or one more than MaxPerOwner; the store's.
func (v *Vault) Put(ctx context.Context, owner, account, name, value string) error {
	return v.PutAll(ctx, owner, account, map[string]string{name: value})
}

// PutAll is Put for several credentials of an account, by name: all of them are kept or none.
func (v *Vault) PutAll(ctx context.Context, owner, account string, values map[string]string) error {
	entries := map[Entry]string{}
	for name, value := range values {
		e := Entry{owner, account, name}
		if err := e.check(); err != nil {
			return err
		}
		switch {
		case value == "":
			return wit.Errorf(wit.CodeInvalid, "secret: the value of %s is empty: delete it instead", e)
		case len(value) > MaxValue:
			return wit.Errorf(wit.CodeTooLarge, "secret: the value of %s has %d bytes, at most %d fit", e, len(value), MaxValue)
		}
		entries[e] = value
	}
	v.writing.Lock()
	defer v.writing.Unlock()
	if v.full(owner, entries) {
		return wit.Errorf(wit.CodeTooLarge, "secret: %s has %d credentials, which is the most: delete some", owner, MaxPerOwner)
	}
	now := time.Now().UnixMilli()
	err := v.store.Update(ctx, func(tx store.Tx) error {
		for e, value := range entries {
			if err := tx.Put(space, e.key(), seal(v.key, e.key(), []byte(value))); err != nil {
				return err
			}
			if err := notes.Put(tx, e.key(), note{Set: now}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	v.history.put(now, entries)
	v.mu.Lock()
	for e, value := range entries {
		v.retire(e, value)
		v.values[e] = value
		delete(v.damaged, e)
	}
	v.mu.Unlock()
	v.learn()
	return nil
}

// full reports whether an owner would have more credentials than fit with these.
func (v *Vault) full(owner string, entries map[Entry]string) bool {
	v.mu.RLock()
	defer v.mu.RUnlock()
	n, have := len(entries), 0
	for _, known := range v.entries() {
		if _, replaced := entries[known]; replaced {
			n--
		} else if known.Owner == owner {
			have++
		}
	}
	return n > 0 && have+len(entries) > MaxPerOwner
}

// Delete removes; a missing credential is not an error.
func (v *Vault) Delete(ctx context.Context, owner, account, name string) error {
	e := Entry{owner, account, name}
	if err := e.check(); err != nil {
		return err
	}
	v.writing.Lock()
	defer v.writing.Unlock()
	err := v.store.Update(ctx, func(tx store.Tx) error { return errors.Join(tx.Delete(space, e.key()), notes.Delete(tx, e.key())) })
	if err != nil {
		return err
	}
	v.history.drop(e)
	v.mu.Lock()
	v.retire(e, "")
	delete(v.values, e)
	delete(v.damaged, e)
	v.mu.Unlock()
	v.learn()
	return nil
}

// List returns the names of owner's credentials, or of all with owner "", in order. It has no values.
func (v *Vault) List(owner string) []Entry {
	v.mu.RLock()
	defer v.mu.RUnlock()
	list := slices.DeleteFunc(v.entries(), func(e Entry) bool { return owner != "" && e.Owner != owner })
	slices.SortFunc(list, func(a, b Entry) int { return strings.Compare(a.key(), b.key()) })
	return list
}

// Count returns how many credentials owner has.
func (v *Vault) Count(owner string) (n int) {
	v.mu.RLock()
	defer v.mu.RUnlock()
	for e := range v.values {
		if e.Owner == owner {
			n++
		}
	}
	for e := range v.damaged {
		if e.Owner == owner {
			n++
		}
	}
	return n
}

// entries lists all names, damaged ones too. The caller holds mu.
func (v *Vault) entries() []Entry {
	return slices.AppendSeq(slices.Collect(maps.Keys(v.values)), maps.Keys(v.damaged))
}

// retire remembers a value that another takes the place of, so that it stays hidden: requests with it may be under way, and
// whoever was given it may still repeat it. The caller holds mu.
func (v *Vault) retire(e Entry, now string) {
	if old, ok := v.values[e]; ok && old != now {
		v.retired = append(v.retired, old)
		v.retired = slices.Clone(v.retired[max(len(v.retired)-maxRetired, 0):])
	}
}

// learn tells the redactor all values, and the last that were some until now.
func (v *Vault) learn() {
	v.mu.RLock()
	values, retired := slices.Collect(maps.Values(v.values)), slices.Clone(v.retired)
	v.found.Store(newLeaks(v.values))
	v.mu.RUnlock()
	v.Learn(vaultGroup, slices.Concat(values, retired)...)
}

// String names the credential for people.
func (e Entry) String() string {
	s := "credential " + e.Name + " of " + e.Owner
	if e.Account != "" {
		s += " (account " + e.Account + ")"
	}
	return s
}

// key is the record's key, and what its value is sealed to. check keeps slashes out, so it is unambiguous.
func (e Entry) key() string { return e.Owner + "/" + e.Account + "/" + e.Name }

// parse reads a record's key.
func parse(key string) (Entry, bool) {
	parts := strings.Split(key, "/")
	if len(parts) != 3 {
		return Entry{}, false
	}
	e := Entry{parts[0], parts[1], parts[2]}
	return e, e.check() == nil
}

// check returns CodeInvalid, naming the part, for an entry that cannot be.
func (e Entry) check() error {
	for _, part := range []struct {
		what, text string
		least, max int
	}{{"owner", e.Owner, 1, MaxName}, {"account", e.Account, 0, MaxAccount}, {"name", e.Name, 1, MaxName}} {
		bad := func(r rune) bool { return r == '/' || !unicode.IsPrint(r) }
		if len(part.text) < part.least || len(part.text) > part.max || !utf8.ValidString(part.text) || strings.ContainsFunc(part.text, bad) {
			return wit.Errorf(wit.CodeInvalid, "secret: %.40q cannot be a credential's %s: use %d to %d printable bytes without a slash", part.text, part.what, part.least, part.max)
		}
	}
	return nil
}
