package media

import (
	"context"
	"io"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Made returns what was made from a file: "small", say. CodeNotFound when there is none, or no longer. The caller closes it.
func (m *Store) Made(ctx context.Context, of, what string) (io.ReadSeekCloser, File, error) {
	if !valid(of) {
		return nil, File{}, missing(of, nil)
	}
	id := ""
	err := m.db.View(ctx, func(tx store.Tx) (err error) {
		id, err = madeTable.Get(tx, madeKey(of, what))
		return err
	})
	if err != nil {
		return nil, File{}, err
	}
	return m.Content(ctx, id)
}

// Make keeps what was made from a file, under the same bounds. It goes with the file, or before it. Errors: as for Store;
// CodeNotFound when the file is gone.
func (m *Store) Make(ctx context.Context, of, what, mimeType string, body io.Reader) error {
	w, info, err := m.take(ctx, mimeType, "", body)
	if err != nil {
		return err
	}
	defer w.discard()
	info.Of = of
	return m.keep(ctx, w, info, func(tx store.Tx) error {
		if _, err := infoTable.Get(tx, of); err != nil {
			return missing(of, err)
		}
		return madeTable.Put(tx, madeKey(of, what), info.ID)
	})
}

// unmake forgets what was made from a file, and returns the records of what goes with it.
func unmake(tx store.Tx, of string) (list []record, err error) {
	var keys []string
	for row, err := range madeTable.Scan(tx, store.Range{Prefix: madeKey(of, "")}) {
		if err != nil {
			return nil, err
		}
		keys = append(keys, row.Key)
		made, err := infoTable.Get(tx, row.Value)
		if wit.CodeOf(err) == wit.CodeNotFound || err == nil && made.Of != of {
			continue // it is gone, or somebody has put the same bytes
		}
		if err != nil {
			return nil, err
		}
		list = append(list, made)
	}
	for _, key := range keys {
		if err := madeTable.Delete(tx, key); err != nil {
			return nil, err
		}
	}
	return list, nil
}
