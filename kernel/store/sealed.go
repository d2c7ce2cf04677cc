package store

import (
	"cmp"
	"context"
	"crypto/cipher"
	"crypto/rand"
	"iter"
	"strings"
	"sync"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/carapace-gateway/carapace/wit"
)

// sealing has the record that says which values are sealed. It is itself sealed, whichever they are, so that nobody who has
// the file alone can change it.
const (
	sealing    = "store.sealing"
	sealingKey = "state"
)

// sealRoom is what sealing adds to a value, in bytes.
const sealRoom = 1 + chacha20poly1305.NonceSizeX + chacha20poly1305.Overhead

// sealVersion is the first byte of a sealed value.
const sealVersion = 1

// Form is how values are stored.
type Form string

// The forms. Keys are never sealed: their order is what a store is for.
const (
	Plain  Form = "plain"
	Closed Form = "sealed"
)

// Sealing is how values are stored, and how far a change of that has got: those up to Space and Key have the form To, and
// those behind it the other one.
type Sealing struct {
	To    Form   `json:"to"`
	Done  bool   `json:"done"`
	Space string `json:"space,omitempty"`
	Key   string `json:"key,omitempty"`
}

// sealed reports whether the value of a record is.
func (s *Sealing) sealed(space, key string) bool {
	if exempt(space) {
		return false
	}
	reached := s.Done || space < s.Space || space == s.Space && key <= s.Key
	return reached == (s.To == Closed)
}

// exempt reports whether a space stays as it is: what is in it is sealed by whoever writes it.
func exempt(space string) bool {
	return space == sealing || space == "secret" || strings.HasPrefix(space, "secret.")
}

// Sealed is a Store on top of another one, in which the values can be sealed: then only who has the key reads them, and a
// value that was changed, or moved to another space or key, is Damaged. What it does not notice is a record that is gone, or
// that has an earlier value of its own again: both look like what the store itself may do.
//
// Values are sealed with XChaCha20-Poly1305, each under a nonce of its own and bound to its space and key. Turning it on or
// off goes through all records while the store is used, some at a time in a transaction that notes how far it has got.
//
// What is sealed is in no index, which would hold its words: turning it on empties all indexes, and until it is off again
// nothing goes into them and nothing is found. See Indexed.
//
// Everything is safe for concurrent use.
type Sealed struct {
	inner Store
	aead  cipher.AEAD

	converting sync.Mutex

	mu      sync.Mutex
	steady  Sealing        // how values are while nothing changes
	moving  bool           // transactions have to look themselves
	running sync.WaitGroup // transactions that rely on steady
}

// Seal returns a Sealed on top of s, with a key of 32 bytes. Errors: CodeUnauthorized where the values were sealed with another
// key; the store's.
func Seal(ctx context.Context, s Store, key []byte) (*Sealed, error) {
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, wit.Errorf(wit.CodeInternal, "store: %w", err)
	}
	sealed := &Sealed{inner: s, aead: aead}
	err = s.View(ctx, func(tx Tx) error {
		sealed.steady, err = sealed.state(tx)
		return err
	})
	if Damaged(err) {
		return nil, wit.NewError(wit.CodeUnauthorized, "store: the records were sealed with another key, or the file is damaged: restore a backup")
	}
	sealed.moving = !sealed.steady.Done
	return sealed, err
}

// state reads how values are stored. A store that has nothing of it has never been sealed.
func (s *Sealed) state(tx Tx) (Sealing, error) {
	b, err := tx.Get(sealing, sealingKey)
	if wit.CodeOf(err) == wit.CodeNotFound {
		return Sealing{To: Plain, Done: true}, nil
	}
	var state Sealing
	if err == nil {
		b, err = s.open(sealing, sealingKey, b)
	}
	if err == nil {
		err = Table[Sealing](sealing).decode(sealingKey, b, &state)
	}
	return state, err
}

func (s *Sealed) putState(tx Tx, state Sealing) error {
	b, err := Table[Sealing](sealing).encode(sealingKey, state)
	if err != nil {
		return err
	}
	return tx.Put(sealing, sealingKey, s.close(sealing, sealingKey, b))
}

// bond is what a value is bound to. Spaces have no NUL in them.
func bond(space, key string) []byte { return []byte("carapace record 1\x00" + space + "\x00" + key) }

func (s *Sealed) close(space, key string, value []byte) []byte {
	out := make([]byte, 1+chacha20poly1305.NonceSizeX, sealRoom+len(value))
	out[0] = sealVersion
	_, _ = rand.Read(out[1:]) // it never fails
	return s.aead.Seal(out, out[1:], value, bond(space, key))
}

func (s *Sealed) open(space, key string, box []byte) ([]byte, error) {
	const head = 1 + chacha20poly1305.NonceSizeX
	if len(box) < sealRoom || box[0] != sealVersion {
		return nil, errChanged(space, key)
	}
	value, err := s.aead.Open(box[head:head], box[1:head], box[head:], bond(space, key))
	if err != nil {
		return nil, errChanged(space, key)
	}
	return value, nil
}

func errChanged(space, key string) error {
	return wit.Errorf(wit.CodeInternal, "store: record %s/%s was changed outside of carapace, or is damaged: %w", space, key, damage{errNotSealed})
}

// Sealing tells how values are stored.
func (s *Sealed) Sealing(ctx context.Context) (state Sealing, err error) {
	err = s.inner.View(ctx, func(tx Tx) error {
		state, err = s.state(tx)
		return err
	})
	return state, err
}

// enter begins a transaction: with how values are, or nil while that changes, and what ends it.
func (s *Sealed) enter() (state *Sealing, leave func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.moving {
		return nil, func() {}
	}
	s.running.Add(1)
	steady := s.steady
	return &steady, s.running.Done
}

// View implements Store.
func (s *Sealed) View(ctx context.Context, fn func(Tx) error) error {
	return s.transact(ctx, s.inner.View, fn)
}

// Update implements Store.
func (s *Sealed) Update(ctx context.Context, fn func(Tx) error) error {
	return s.transact(ctx, s.inner.Update, fn)
}

func (s *Sealed) transact(ctx context.Context, begin func(context.Context, func(Tx) error) error, fn func(Tx) error) error {
	state, leave := s.enter()
	defer leave()
	return begin(ctx, func(tx Tx) error {
		if t, ok := tx.(interface{ widen(room int) }); ok {
			t.widen(sealRoom)
		}
		return fn(&sealedTx{Tx: tx, store: s, state: state})
	})
}

// Version implements Store.
func (s *Sealed) Version(space string) uint64 { return s.inner.Version(space) }

// Close implements Store.
func (s *Sealed) Close() error { return s.inner.Close() }

// sealedTx seals what is written and opens what is read, where it is to be.
type sealedTx struct {
	Tx
	store *Sealed
	state *Sealing // nil until it was read
}

// sealed reports whether the value of a record is. While that changes, it is read in the transaction, which sees records and
// state of the same moment.
func (t *sealedTx) sealed(space, key string) (bool, error) {
	if t.state == nil {
		state, err := t.store.state(t.Tx)
		if err != nil {
			return false, err
		}
		t.state = &state
	}
	return t.state.sealed(space, key), nil
}

func (t *sealedTx) Get(space, key string) ([]byte, error) {
	b, err := t.Tx.Get(space, key)
	if err != nil {
		return nil, err
	}
	sealed, err := t.sealed(space, key)
	if err != nil || !sealed {
		return b, err
	}
	return t.store.open(space, key, b)
}

// written is a value as it is stored.
func (t *sealedTx) written(space, key string, value []byte) ([]byte, error) {
	if err := checkRecord(space, key, value, 0); err != nil {
		return nil, err
	}
	sealed, err := t.sealed(space, key)
	if err != nil || !sealed {
		return value, err
	}
	return t.store.close(space, key, value), nil
}

func (t *sealedTx) Put(space, key string, value []byte) error {
	value, err := t.written(space, key, value)
	if err != nil {
		return err
	}
	return t.Tx.Put(space, key, value)
}

func (t *sealedTx) Insert(space, key string, value []byte) error {
	value, err := t.written(space, key, value)
	if err != nil {
		return err
	}
	return t.Tx.Insert(space, key, value)
}

// Scan yields a record that was changed with its key and an error, and those after it if ranging goes on.
func (t *sealedTx) Scan(space string, r Range) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for rec, err := range t.Tx.Scan(space, r) {
			sealed := false
			if err == nil {
				sealed, err = t.sealed(space, rec.Key)
			}
			if err == nil && sealed {
				rec.Value, err = t.store.open(space, rec.Key, rec.Value)
			}
			if !yield(rec, err) {
				return
			}
		}
	}
}

// Indexed reports whether the indexes take what they are given. If they do not, they are empty, Index does nothing and Find
// fails. Errors: the store's.
func Indexed(tx Tx) (bool, error) {
	if t, ok := tx.(*sealedTx); ok {
		closed, err := t.closing()
		return !closed, err
	}
	return true, nil
}

// closing reports whether values are sealed, or are being.
func (t *sealedTx) closing() (bool, error) {
	_, err := t.sealed("", "") // reads the state
	return err == nil && t.state.To == Closed, err
}

func (t *sealedTx) Index(index string, d Doc) error {
	if closed, err := t.closing(); err != nil || closed {
		return err
	}
	return t.Tx.Index(index, d)
}

func (t *sealedTx) Find(index string, s Search) (found []Found, more bool, err error) {
	if closed, err := t.closing(); err != nil || closed {
		return nil, false, cmp.Or(err, error(wit.NewError(wit.CodeUnavailable, "what is kept is encrypted, so that there is no index of its words")))
	}
	return t.Tx.Find(index, s)
}
