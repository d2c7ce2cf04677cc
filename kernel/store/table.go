package store

import (
	"encoding/json"
	"errors"
	"iter"

	"github.com/carapace-gateway/carapace/wit"
)

// Table is a space whose values are JSON of T.
// Nothing is kept beside the name, so tables are constants. Fields that T does not have are passed over when a
// record is read; what does not decode is Damaged, a CodeInternal that names the record.
type Table[T any] string

// Row is a decoded record.
type Row[T any] struct {
	Key   string
	Value T
}

// Get returns the record, or CodeNotFound.
func (t Table[T]) Get(tx Tx, key string) (T, error) {
	var v T
	b, err := tx.Get(string(t), key)
	if err != nil {
		return v, err
	}
	return v, t.decode(key, b, &v)
}

// Put creates or replaces.
func (t Table[T]) Put(tx Tx, key string, v T) error {
	b, err := t.encode(key, v)
	if err != nil {
		return err
	}
	return tx.Put(string(t), key, b)
}

// Insert creates, or fails with CodeConflict.
func (t Table[T]) Insert(tx Tx, key string, v T) error {
	b, err := t.encode(key, v)
	if err != nil {
		return err
	}
	return tx.Insert(string(t), key, b)
}

// Delete removes; a missing key is not an error.
func (t Table[T]) Delete(tx Tx, key string) error { return tx.Delete(string(t), key) }

// Version is the store's of the table's space.
func (t Table[T]) Version(s Store) uint64 { return s.Version(string(t)) }

// Since is the table's Store.Since.
func (t Table[T]) Since(s Store, version uint64) ([]string, bool) {
	return s.Since(string(t), version)
}

// Scan yields the records that r selects, decoded. A Damaged one is yielded with its key and an error, and those after
// it come too if ranging goes on; any other error is yielded once, last.
func (t Table[T]) Scan(tx Tx, r Range) iter.Seq2[Row[T], error] {
	return func(yield func(Row[T], error) bool) {
		for rec, err := range tx.Scan(string(t), r) {
			row := Row[T]{Key: rec.Key}
			if err == nil {
				err = t.decode(rec.Key, rec.Value, &row.Value)
			}
			if !yield(row, err) {
				return
			}
		}
	}
}

func (t Table[T]) encode(key string, v T) ([]byte, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, wit.Errorf(wit.CodeInternal, "store: encode %s/%s: %w", string(t), key, err)
	}
	return b, nil
}

func (t Table[T]) decode(key string, b []byte, v *T) error {
	if err := json.Unmarshal(b, v); err != nil {
		return wit.Errorf(wit.CodeInternal, "store: record %s/%s is damaged: %w", string(t), key, damage{err})
	}
	return nil
}

// damage is why a record does not decode.
type damage struct{ error }

// Damaged reports whether an error is that of one record of a Table, which cannot be read now or later. All others can.
func Damaged(err error) bool { return errors.As(err, new(damage)) }
