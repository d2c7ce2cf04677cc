package store

import (
	"cmp"
	"context"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"iter"
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

// sealRoom is what sealing adds to a value, in bytes; a tag adds less.
const sealRoom = 1 + chacha20poly1305.NonceSizeX + chacha20poly1305.Overhead

// sealVersion is the first byte of a sealed value.
const sealVersion = 1

// Sealed is a Store on top of another one, which notices what was changed there without it: a value that is not what was put
// under its space and key, because somebody has changed, exchanged or moved it, is Damaged. Nothing mends that by itself. What
// it does not notice is a record that is gone, or that has an earlier value of its own again, since both look like what the
// store itself may do; nor a change of an index, or of the numbers that Next counts.
//
// Values are Tagged: AES-256-GCM authenticates them, with a key of its own. They can be Closed instead, so that only who has the
// key reads them: XChaCha20-Poly1305. Either way each has a nonce of its own and is bound to its space and key. A change from
// one form to another goes through all records while the store is used, some at a time in a transaction that notes how far it
// has got.
//
// What is sealed is in no index, which would hold its words: turning it on empties all indexes, and until it is off again
// nothing goes into them and nothing is found. See Indexed.
//
// Everything is safe for concurrent use.
type Sealed struct {
	inner Store
	aead  cipher.AEAD
	tags  *tagger

	buffers buffers
	finds   finds

	converting sync.Mutex

	mu      sync.Mutex
	steady  Sealing        // how values are while nothing changes
	moving  bool           // transactions have to look themselves
	running sync.WaitGroup // transactions that rely on steady
}

// Seal returns a Sealed on top of s, with a key of 32 bytes. A store without records gets Tagged ones; one whose records are
// Plain begins to be converted, which Convert ends.
//
// guarded says that no value of s is Plain any more, see Sealing.Guarded, which the caller keeps where nobody can change it: a
// store that says otherwise, or nothing, is refused then, since all values could have been exchanged for plain ones.
//
// Errors: CodeUnauthorized where the values were sealed with another key; CodeInvalid where they are not guarded; the store's.
func Seal(ctx context.Context, s Store, key []byte, guarded bool) (*Sealed, error) {
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, wit.Errorf(wit.CodeInternal, "store: %w", err)
	}
	sealed, begun := &Sealed{inner: s, aead: aead}, false
	if sealed.tags, err = newTagger(key, &sealed.buffers); err != nil {
		return nil, err
	}
	err = s.View(ctx, func(tx Tx) error {
		sealed.steady, begun, err = sealed.stated(tx)
		return err
	})
	switch {
	case Damaged(err):
		return nil, wit.NewError(wit.CodeUnauthorized, "store: the records were sealed with another key, or the file is damaged: restore a backup")
	case err != nil:
		return nil, err
	case guarded && (!begun || !sealed.steady.Guarded()):
		return nil, wit.NewError(wit.CodeInvalid, "store: what says how the records are stored is gone or was exchanged, and so may they be: restore a backup")
	case !begun || sealed.steady.Done && sealed.steady.To == Plain:
		err = sealed.begin(ctx)
	}
	sealed.moving = !sealed.steady.Done
	return sealed, err
}

// begin lets the records of a store have tags that have none.
func (s *Sealed) begin(ctx context.Context) error {
	return s.inner.Update(ctx, func(tx Tx) error {
		some, err := Holds(tx, exempt)
		if err != nil {
			return err
		}
		s.steady = Sealing{From: Plain, To: Tagged, Done: !some}
		return s.putState(tx, s.steady)
	})
}

// state reads how values are stored.
func (s *Sealed) state(tx Tx) (Sealing, error) {
	state, begun, err := s.stated(tx)
	if err == nil && !begun {
		err = errChanged(sealing, sealingKey)
	}
	return state, err
}

// stated is state, and whether the store says it at all: one that was never sealed does not.
func (s *Sealed) stated(tx Tx) (state Sealing, begun bool, err error) {
	b, err := tx.Get(sealing, sealingKey)
	if wit.CodeOf(err) == wit.CodeNotFound {
		return state, false, nil
	}
	if err == nil {
		b, err = s.unseal(sealing, sealingKey, b)
	}
	if err == nil {
		err = Table[Sealing](sealing).decode(sealingKey, b, &state)
	}
	return state, true, err
}

func (s *Sealed) putState(tx Tx, state Sealing) error {
	b, err := Table[Sealing](sealing).encode(sealingKey, state)
	if err != nil {
		return err
	}
	return tx.Put(sealing, sealingKey, s.seal(sealing, sealingKey, b))
}

// bond is what a sealed value is bound to. Spaces have no NUL in them.
func bond(space, key string) []byte { return []byte("carapace record 1\x00" + space + "\x00" + key) }

// close is a value as it is stored in a form. It may be in the memory of b, which it may extend.
func (s *Sealed) close(b *[]byte, form Form, space, key string, value []byte) []byte {
	switch form {
	case Tagged:
		*b = s.tags.close(*b, space, key, value)
		return *b
	case Closed:
		return s.seal(space, key, value)
	}
	return value
}

// open is the value of what is stored in a form.
func (s *Sealed) open(form Form, space, key string, box []byte) ([]byte, error) {
	switch form {
	case Plain:
		return box, nil
	case Tagged:
		return s.tags.open(space, key, box)
	case Closed:
		return s.unseal(space, key, box)
	}
	return nil, wit.Errorf(wit.CodeInvalid, "store: records are stored as %.20q, which this gateway does not know: upgrade carapace", string(form))
}

func (s *Sealed) seal(space, key string, value []byte) []byte {
	out := make([]byte, 1+chacha20poly1305.NonceSizeX, sealRoom+len(value))
	out[0] = sealVersion
	_, _ = rand.Read(out[1:]) // it never fails
	return s.aead.Seal(out, out[1:], value, bond(space, key))
}

func (s *Sealed) unseal(space, key string, box []byte) ([]byte, error) {
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

// errNotOurs is why a value cannot be opened.
var errNotOurs = errors.New("it is not what was put under this key")

func errChanged(space, key string) error {
	return wit.Errorf(wit.CodeInternal, "store: record %s/%s was changed outside of carapace, or is damaged: %w: restore a backup; `carapace doctor` lists all such records",
		space, key, damage{errNotOurs})
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

// Since implements Store.
func (s *Sealed) Since(space string, version uint64) ([]string, bool) {
	return s.inner.Since(space, version)
}

// Rest implements Store.
func (s *Sealed) Rest() { s.inner.Rest() }

// Close implements Store.
func (s *Sealed) Close() error { return s.inner.Close() }

// sealedTx gives what is written its form, and opens what is read.
type sealedTx struct {
	Tx
	store *Sealed
	state *Sealing // nil until it was read
}

// form is that of the value of a record. While that changes, it is read in the transaction, which sees records and state of
// the same moment.
func (t *sealedTx) form(space, key string) (Form, error) {
	if t.state == nil {
		state, err := t.store.state(t.Tx)
		if err != nil {
			return "", err
		}
		t.state = &state
	}
	return t.state.form(space, key), nil
}

// open is the value of a record that was read.
func (t *sealedTx) open(space, key string, box []byte) ([]byte, error) {
	form, err := t.form(space, key)
	if err != nil {
		return nil, err
	}
	value, err := t.store.open(form, space, key, box)
	if Damaged(err) {
		t.store.finds.note(space + "/" + key)
	}
	return value, err
}

func (t *sealedTx) Get(space, key string) ([]byte, error) {
	b, err := t.Tx.Get(space, key)
	if err != nil {
		return nil, err
	}
	return t.open(space, key, b)
}

// write has put store a value in its form. A store below copies what it is given.
func (t *sealedTx) write(space, key string, value []byte, put func(space, key string, value []byte) error) error {
	if err := checkRecord(space, key, value, 0); err != nil {
		return err
	}
	form, err := t.form(space, key)
	if err != nil {
		return err
	}
	b := t.store.buffers.get()
	defer t.store.buffers.put(b)
	return put(space, key, t.store.close(b, form, space, key, value))
}

func (t *sealedTx) Put(space, key string, value []byte) error {
	return t.write(space, key, value, t.Tx.Put)
}

func (t *sealedTx) Insert(space, key string, value []byte) error {
	return t.write(space, key, value, t.Tx.Insert)
}

// Scan yields a record that was changed with its key and an error, and those after it if ranging goes on.
func (t *sealedTx) Scan(space string, r Range) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for rec, err := range t.Tx.Scan(space, r) {
			if err == nil {
				rec.Value, err = t.open(space, rec.Key, rec.Value)
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
	_, err := t.form("", "") // reads the state
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
