package store

import (
	"context"
	"encoding/binary"
	"iter"
	"strings"
	"sync"
	"sync/atomic"
)

// memory keeps everything in one immutable tree: a View reads the tree that it found, an Update builds
// its own and swaps it in, and undoing is forgetting.
type memory struct {
	writing sync.Mutex
	root    atomic.Pointer[node]
	life    lifetime
	version versions
}

// OpenMemory returns an empty store that lives as long as the process. Close keeps nothing.
func OpenMemory() Store { return &memory{} }

func (m *memory) View(ctx context.Context, fn func(Tx) error) error {
	if err := m.life.enter(); err != nil {
		return err
	}
	defer m.life.leave()
	if err := ended(ctx.Err()); err != nil {
		return err
	}
	tx := &memTx{ctx: ctx, root: m.root.Load()}
	defer func() { tx.over = true }()
	return fn(tx)
}

func (m *memory) Update(ctx context.Context, fn func(Tx) error) error {
	if err := m.life.enter(); err != nil {
		return err
	}
	defer m.life.leave()
	m.writing.Lock()
	defer m.writing.Unlock()
	if err := ended(ctx.Err()); err != nil {
		return err
	}
	tx := &memTx{ctx: ctx, root: m.root.Load(), writable: true}
	defer func() { tx.over = true }()
	if err := fn(tx); err != nil {
		return err
	}
	if err := ended(ctx.Err()); err != nil {
		return err
	}
	m.root.Store(tx.root)
	m.version.written(tx.wrote)
	return nil
}

func (m *memory) Version(space string) uint64 { return m.version.of(space) }

func (m *memory) Since(space string, version uint64) ([]string, bool) {
	return m.version.since(space, version)
}

func (m *memory) Rest() {}

func (m *memory) Close() error { return m.life.end() }

// memTx is a transaction on a tree of its own. Records live under space NUL key; sequences under NUL
// space, which no space's name can collide with.
// Values are copied in both directions: the caller owns what it gave and what it got, as with the file.
type memTx struct {
	ctx            context.Context
	root           *node
	writable, over bool
	wrote          writes
	room           int // of values, above MaxValue
}

func (t *memTx) widen(room int) { t.room = room }

func (t *memTx) NextSpace(after string) (next string, err error) {
	lo := after + "\x01"
	t.root.walk(lo, "\xff", false, func(n *node) bool { // no key begins so: it is UTF-8
		next, _, _ = strings.Cut(n.key, "\x00")
		return false
	})
	return next, t.usable(false)
}

// usable returns why the transaction cannot be used now, as a transaction on a file would say it.
func (t *memTx) usable(write bool) error {
	switch {
	case t.over:
		return errEnded()
	case write && !t.writable:
		return errReadOnly()
	}
	return ended(t.ctx.Err())
}

func (t *memTx) Get(space, key string) ([]byte, error) {
	if err := t.usable(false); err != nil {
		return nil, err
	}
	if err := checkKey(space, key); err != nil {
		return nil, err
	}
	n := t.root.find(space + "\x00" + key)
	if n == nil {
		return nil, errNotFound(space, key)
	}
	return append([]byte{}, n.value...), nil
}

func (t *memTx) Put(space, key string, value []byte) error {
	if err := t.usable(true); err != nil {
		return err
	}
	if err := checkRecord(space, key, value, t.room); err != nil {
		return err
	}
	t.root = t.root.with(space+"\x00"+key, append([]byte{}, value...))
	t.wrote.note(space, key)
	return nil
}

func (t *memTx) Insert(space, key string, value []byte) error {
	if err := t.usable(true); err != nil {
		return err
	}
	if err := checkRecord(space, key, value, t.room); err != nil {
		return err
	}
	if t.root.find(space+"\x00"+key) != nil {
		return errConflict(space, key)
	}
	return t.Put(space, key, value)
}

func (t *memTx) Delete(space, key string) error {
	if err := t.usable(true); err != nil {
		return err
	}
	if err := checkKey(space, key); err != nil {
		return err
	}
	t.root = t.root.without(space + "\x00" + key)
	t.wrote.note(space, key)
	return nil
}

func (t *memTx) Next(space string) (uint64, error) {
	if err := t.usable(true); err != nil {
		return 0, err
	}
	if err := checkSpace(space); err != nil {
		return 0, err
	}
	var last uint64
	if n := t.root.find("\x00" + space); n != nil {
		last = binary.BigEndian.Uint64(n.value)
	}
	t.root = t.root.with("\x00"+space, binary.BigEndian.AppendUint64(nil, last+1))
	t.wrote.note(space, "")
	return last + 1, nil
}

func (t *memTx) Scan(space string, r Range) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		err := t.usable(false)
		if err == nil {
			err = checkSpace(space)
		}
		if err != nil {
			yield(Record{}, err)
			return
		}
		lo, hi := r.span()
		lo = space + "\x00" + lo
		if hi == "" {
			// The least string above all of space NUL key.
			hi = space + "\x01"
		} else {
			hi = space + "\x00" + hi
		}
		left := r.Limit
		t.root.walk(lo, hi, r.Reverse, func(n *node) bool {
			if err := t.usable(false); err != nil {
				yield(Record{}, err)
				return false
			}
			left--
			rec := Record{Key: n.key[len(space)+1:], Value: append([]byte{}, n.value...)}
			return yield(rec, nil) && left != 0
		})
	}
}
