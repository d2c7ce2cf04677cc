package store

import (
	"context"
	"database/sql/driver"
	"iter"
)

const (
	sqlGet    = `SELECT value FROM records WHERE space = ? AND key = ?`
	sqlPut    = `INSERT INTO records (space, key, value) VALUES (?, ?, ?) ON CONFLICT (space, key) DO UPDATE SET value = excluded.value`
	sqlInsert = `INSERT INTO records (space, key, value) VALUES (?, ?, ?) ON CONFLICT (space, key) DO NOTHING`
	sqlDelete = `DELETE FROM records WHERE space = ? AND key = ?`
	sqlNext   = `INSERT INTO sequences (space, last) VALUES (?, 1) ON CONFLICT (space) DO UPDATE SET last = last + 1 RETURNING last`

	// A limit that is a parameter alone would have SQLite compile the statement anew for each value, to plan for it.
	sqlScan      = `SELECT key, value FROM records WHERE space = ? AND key >= ? ORDER BY key LIMIT ?+0`
	sqlScanTo    = `SELECT key, value FROM records WHERE space = ? AND key >= ? AND key < ? ORDER BY key LIMIT ?+0`
	sqlScanBack  = `SELECT key, value FROM records WHERE space = ? AND key >= ? ORDER BY key DESC LIMIT ?+0`
	sqlNextSpace = `SELECT space FROM records WHERE space > ? ORDER BY space LIMIT 1`
	sqlBackTo    = `SELECT key, value FROM records WHERE space = ? AND key >= ? AND key < ? ORDER BY key DESC LIMIT ?+0`
)

// A scan reads ahead this much, so that no statement is open while the caller holds a record.
const (
	scanRows  = 128
	scanBytes = 256 << 10
)

// sqlTx is a transaction on one connection. broken keeps the first error of the disk: after one the
// connection's transaction cannot be trusted, whatever fn makes of the error.
type sqlTx struct {
	ctx      context.Context
	conn     *conn
	mark     func() error // makes the savepoint before the first write; nil in a View
	over     bool
	modified bool
	wrote    writes
	broken   error
	room     int // of values, above MaxValue
}

func (t *sqlTx) widen(room int) { t.room = room }

func (t *sqlTx) NextSpace(after string) (next string, err error) {
	if err := t.usable(); err != nil {
		return "", err
	}
	err = t.conn.rows(func(row []driver.Value) bool { next, _ = row[0].(string); return false }, sqlNextSpace, after)
	return next, t.fail(err)
}

// usable returns why the transaction cannot be used now: it has ended, the disk has failed, or the caller's
// context is over.
func (t *sqlTx) usable() error {
	switch {
	case t.over:
		return errEnded()
	case t.broken != nil:
		return t.broken
	}
	return ended(t.ctx.Err())
}

// write prepares the transaction for a change of a record, or with no key of what else a space has.
// All that can be refused without touching the connection is refused before, so that it leaves nothing to undo.
func (t *sqlTx) write(space, key string) error {
	if err := t.usable(); err != nil {
		return err
	}
	if t.mark == nil {
		return errReadOnly()
	}
	if !t.modified {
		if err := t.fail(t.mark()); err != nil {
			return err
		}
		t.modified = true
	}
	t.wrote.note(space, key)
	return nil
}

// fail notes an error of the connection and returns it. Errors of the store's own, a missing key or a conflict, do
// not go through it: they leave the transaction sound.
func (t *sqlTx) fail(err error) error {
	if err != nil && t.broken == nil {
		t.broken = err
	}
	return err
}

func (t *sqlTx) Get(space, key string) ([]byte, error) {
	if err := t.usable(); err != nil {
		return nil, err
	}
	if err := checkKey(space, key); err != nil {
		return nil, err
	}
	var value []byte
	found := false
	err := t.conn.rows(func(row []driver.Value) bool {
		value, found = blob(row[0]), true
		return false
	}, sqlGet, space, key)
	if err != nil {
		return nil, t.fail(err)
	}
	if !found {
		return nil, errNotFound(space, key)
	}
	return value, nil
}

func (t *sqlTx) Put(space, key string, value []byte) error {
	_, err := t.set(sqlPut, space, key, value)
	return err
}

func (t *sqlTx) Insert(space, key string, value []byte) error {
	n, err := t.set(sqlInsert, space, key, value)
	if err == nil && n == 0 {
		return errConflict(space, key)
	}
	return err
}

// set writes a record and returns how many rows changed: none for an Insert that found one.
func (t *sqlTx) set(query, space, key string, value []byte) (int64, error) {
	if err := checkRecord(space, key, value, t.room); err != nil {
		return 0, err
	}
	if err := t.write(space, key); err != nil {
		return 0, err
	}
	if value == nil {
		value = []byte{}
	}
	n, err := t.conn.exec(query, space, key, value)
	return n, t.fail(err)
}

func (t *sqlTx) Delete(space, key string) error {
	if err := checkKey(space, key); err != nil {
		return err
	}
	if err := t.write(space, key); err != nil {
		return err
	}
	_, err := t.conn.exec(sqlDelete, space, key)
	return t.fail(err)
}

func (t *sqlTx) Next(space string) (uint64, error) {
	if err := checkSpace(space); err != nil {
		return 0, err
	}
	if err := t.write(space, ""); err != nil {
		return 0, err
	}
	var n int64
	// The row must be stepped past for the change to be made, hence the true.
	err := t.conn.rows(func(row []driver.Value) bool { n, _ = row[0].(int64); return true }, sqlNext, space)
	return uint64(n), t.fail(err)
}

// Scan reads page by page, each from after the last key. So the caller may write, also to the same space, while it
// ranges, and a scan that is broken off leaves no statement open.
func (t *sqlTx) Scan(space string, r Range) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		if err := checkSpace(space); err != nil {
			yield(Record{}, err)
			return
		}
		lo, hi := r.span()
		left := r.Limit
		for {
			page, more, err := t.page(space, lo, hi, left, r.Reverse)
			if err != nil {
				yield(Record{}, err)
				return
			}
			for _, rec := range page {
				if !yield(rec, nil) {
					return
				}
			}
			left -= len(page)
			if !more || (r.Limit > 0 && left <= 0) {
				return
			}
			if last := page[len(page)-1].Key; r.Reverse {
				hi = last
			} else {
				lo = last + "\x00"
			}
		}
	}
}

// page reads some records of [lo, hi), and whether there may be more. At most limit of them, if positive.
// A page ends early when its values have scanBytes, so what is read ahead is bounded also where values are large.
func (t *sqlTx) page(space, lo, hi string, limit int, reverse bool) (page []Record, more bool, err error) {
	if err := t.usable(); err != nil {
		return nil, false, err
	}
	n := scanRows
	if limit > 0 {
		n = min(n, limit)
	}
	query, args := sqlScan, []driver.Value{space, lo, int64(n)}
	switch {
	case hi != "" && reverse:
		query, args = sqlBackTo, []driver.Value{space, lo, hi, int64(n)}
	case hi != "":
		query, args = sqlScanTo, []driver.Value{space, lo, hi, int64(n)}
	case reverse:
		query = sqlScanBack
	}
	size := 0
	err = t.conn.rows(func(row []driver.Value) bool {
		key, _ := row[0].(string)
		page = append(page, Record{Key: key, Value: blob(row[1])})
		size += len(page[len(page)-1].Value)
		more = size >= scanBytes || len(page) == n
		return size < scanBytes
	}, query, args...)
	return page, more, t.fail(err)
}

// blob returns an empty slice for an empty value, never nil: a value that is there can be told from none.
func blob(v driver.Value) []byte {
	if b, _ := v.([]byte); b != nil {
		return b
	}
	return []byte{}
}
