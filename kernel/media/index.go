package media

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

const (
	infoTable = store.Table[record]("media")
	// usedTable has the files by when they were used: a key of usedKey each.
	usedTable = store.Table[struct{}]("media-used")
	// madeTable has what was made from files: the id under that of the file and what it is, as madeKey writes them.
	madeTable = store.Table[string]("media-made")
)

// files counts the files.
func files() store.Tally { return store.TallyOf(string(infoTable)) }

// total counts their bytes.
func total() store.Tally {
	return store.Tally{Name: string(infoTable) + "-bytes", Count: func(tx store.Tx) (n int, err error) {
		for row, err := range infoTable.Scan(tx, store.Range{}) {
			if err != nil && !store.Damaged(err) {
				return 0, err
			}
			n += int(row.Value.Size)
		}
		return n, nil
	}}
}

// usedKey sorts by the time.
func usedKey(at int64, id string) string { return fmt.Sprintf("%015d/%s", at, id) }

// usedID is the file of a usedKey.
func usedID(key string) string {
	_, id, _ := strings.Cut(key, "/")
	return id
}

func madeKey(of, what string) string { return of + "/" + what }

// index makes the index of files that were put by a gateway that had none, once.
func index(ctx context.Context, db store.Store) error {
	indexed := false
	err := db.View(ctx, func(tx store.Tx) error {
		indexed = some(tx, string(usedTable)) || !some(tx, string(infoTable))
		return nil
	})
	if err != nil || indexed {
		return err
	}
	return db.Update(ctx, func(tx store.Tx) error {
		for row, err := range infoTable.Scan(tx, store.Range{}) {
			if store.Damaged(err) {
				continue // Run removes it
			}
			if err == nil {
				err = usedTable.Put(tx, usedKey(row.Value.At, row.Key), struct{}{})
			}
			if err != nil {
				return err
			}
		}
		return errors.Join(files().Add(tx, 0), total().Add(tx, 0))
	})
}

// some reports whether a space has a record.
func some(tx store.Tx, space string) bool {
	for range tx.Scan(space, store.Range{Limit: 1}) {
		return true
	}
	return false
}

// stamp notes that a file is used now, and writes its record.
func stamp(tx store.Tx, info record) error {
	if err := usedTable.Delete(tx, usedKey(info.At, info.ID)); err != nil {
		return err
	}
	info.At = time.Now().UnixMilli()
	return errors.Join(infoTable.Put(tx, info.ID, info), usedTable.Put(tx, usedKey(info.At, info.ID), struct{}{}))
}

// count notes that there are more files, or fewer. It is called after the change.
func count(tx store.Tx, n int, bytes int64) error {
	return errors.Join(files().Add(tx, n), total().Add(tx, int(bytes)))
}

// Used is what the files take.
type Used struct {
	Files int
	Bytes int64
}

// Used counts the files.
func (m *Store) Used(ctx context.Context) (u Used, err error) {
	err = m.db.View(ctx, func(tx store.Tx) error {
		n, err := files().Of(tx)
		bytes, sizes := total().Of(tx)
		u = Used{n, int64(bytes)}
		return errors.Join(err, sizes)
	})
	return u, err
}

// List returns files from the last used on, at most so many, and the cursor for those that follow, "" when there are none. An
// empty cursor begins; what was made from other files is left out. Errors: CodeInvalid for what is no cursor; the record
// store's.
func (m *Store) List(ctx context.Context, cursor string, most int) (list []File, next string, err error) {
	if cursor != "" && !valid(usedID(cursor)) {
		return nil, "", wit.NewError(wit.CodeInvalid, "the cursor is none of an earlier list: begin without one")
	}
	err = m.db.View(ctx, func(tx store.Tx) error {
		list, next = nil, ""
		for row, err := range usedTable.Scan(tx, store.Range{To: cursor, Reverse: true}) {
			if err != nil {
				return err
			}
			if len(list) == most {
				return nil
			}
			next = row.Key
			info, err := infoTable.Get(tx, usedID(row.Key))
			if wit.CodeOf(err) == wit.CodeNotFound || store.Damaged(err) || info.Of != "" {
				continue
			}
			if err != nil {
				return err
			}
			list = append(list, m.file(info))
		}
		next = ""
		return nil
	})
	return list, next, err
}
