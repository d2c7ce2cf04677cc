package media

import (
	"context"
	"fmt"
	"time"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// How often Run cleans up, and the age at which bytes without a record are removed.
const (
	cleanEvery = time.Hour
	orphanAge  = time.Hour
)

// batch is how many files one transaction removes: others wait for no longer than that takes.
const batch = 100

// Reason is why files were removed.
type Reason string

// The reasons: nobody has used them for their time to live; others needed the room; somebody has removed them.
const (
	Expired Reason = "expired"
	Quota   Reason = "quota"
	Deleted Reason = "deleted"
)

// Gone are files that were removed, batch of them at most and what was made from them.
type Gone struct {
	Reason Reason
	IDs    []string
	Bytes  int64
}

// Run removes what is too old, and bytes that a crash left without a record, until ctx ends. The error
// is nil.
// The first look is a minute after the start, which is busy enough without it.
func (m *Store) Run(ctx context.Context) error {
	t := time.NewTimer(time.Minute)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			m.clean(ctx)
			t.Reset(cleanEvery)
		case <-ctx.Done():
			return nil
		}
	}
}

// clean removes what has expired, makes room where less is allowed than before, and compares records and bytes.
func (m *Store) clean(ctx context.Context) {
	until := time.Now().Add(-m.Limits().TTL).UnixMilli()
	m.sweep(ctx, Expired, "", func(r record, _ int64) bool { return r.At <= until })
	m.makeRoom(ctx, "")
	old := time.Now().Add(-orphanAge)
	if err := m.blobs.tidy(old); err != nil {
		m.log.Warn("reading the media folder failed", "error", err)
	}
	for i := range 256 {
		if ctx.Err() != nil {
			return
		}
		if err := m.compare(ctx, fmt.Sprintf("%02x", i), old); err != nil {
			m.log.Warn("comparing the media folder with its records failed", "error", err)
		}
	}
}

// makeRoom removes the least recently used files, but not newest, until the total fits. The newest is spared even
// if it is larger than the total, or Store would return an id of nothing.
func (m *Store) makeRoom(ctx context.Context, newest string) {
	most := m.Limits().MaxTotal
	m.sweep(ctx, Quota, newest, func(_ record, bytes int64) bool { return bytes > most })
}

// sweep removes files from the least recently used on, but not the one that is spared, as long as they go: with each goes is
// told how many bytes there are.
func (m *Store) sweep(ctx context.Context, why Reason, spared string, goes func(r record, bytes int64) bool) {
	for more := true; more && ctx.Err() == nil; {
		var err error
		if more, err = m.remove(ctx, why, func(tx store.Tx) ([]record, error) { return oldest(tx, spared, goes) }); err != nil {
			m.log.Warn("removing files failed", "reason", why, "error", err)
			return
		}
	}
}

// oldest selects at most batch files for sweep.
func oldest(tx store.Tx, spared string, goes func(r record, bytes int64) bool) (list []record, err error) {
	bytes, err := total().Of(tx)
	if err != nil {
		return nil, err
	}
	left := int64(bytes)
	for row, err := range usedTable.Scan(tx, store.Range{Limit: batch + 1}) {
		if err != nil {
			return nil, err
		}
		if len(list) == batch {
			break
		}
		if usedID(row.Key) == spared {
			continue
		}
		info, err := infoTable.Get(tx, usedID(row.Key))
		switch {
		case wit.CodeOf(err) == wit.CodeNotFound || store.Damaged(err) || err == nil && usedKey(info.At, info.ID) != row.Key:
			info = stray(row.Key)
		case err != nil:
			return nil, err
		case !goes(info, left):
			return list, nil
		}
		left -= info.Size
		list = append(list, info)
	}
	return list, nil
}

// stray stands for an entry of the index without a record: it has no id, and the entry's key.
func stray(key string) record { return record{Of: key} }

// remove removes what a transaction selects: records and then bytes, because a record without bytes would be a file that
// cannot be opened, while bytes without a record are only to be removed later. It reports whether there may be more.
func (m *Store) remove(ctx context.Context, why Reason, choose func(store.Tx) ([]record, error)) (more bool, err error) {
	gone := Gone{Reason: why}
	m.mu.Lock()
	defer m.mu.Unlock()
	err = m.db.Update(ctx, func(tx store.Tx) error {
		gone = Gone{Reason: why}
		list, err := choose(tx)
		if err != nil {
			return err
		}
		more = len(list) == batch
		for _, info := range list {
			if err := gone.drop(tx, info); err != nil {
				return err
			}
		}
		return count(tx, -len(gone.IDs), -gone.Bytes)
	})
	if err != nil {
		return false, err
	}
	for _, id := range gone.IDs {
		if err := m.blobs.remove(id); err != nil {
			m.log.Warn("removing a file failed", "file", id, "error", err)
		}
	}
	if len(gone.IDs) > 0 {
		m.gone(gone)
	}
	return more, nil
}

// drop removes a record, and those of what was made from the file.
func (g *Gone) drop(tx store.Tx, info record) error {
	if info.ID == "" {
		return usedTable.Delete(tx, info.Of)
	}
	made, err := unmake(tx, info.ID)
	if err != nil {
		return err
	}
	for _, r := range append(made, info) {
		if _, err := infoTable.Get(tx, r.ID); wit.CodeOf(err) == wit.CodeNotFound {
			continue // with the file that it was made from
		}
		if err := infoTable.Delete(tx, r.ID); err != nil {
			return err
		}
		if err := usedTable.Delete(tx, usedKey(r.At, r.ID)); err != nil {
			return err
		}
		g.IDs, g.Bytes = append(g.IDs, r.ID), g.Bytes+r.Size
	}
	return nil
}

// Delete removes a file. Errors: CodeNotFound; the record store's.
func (m *Store) Delete(ctx context.Context, id string) error {
	if !valid(id) {
		return missing(id, nil)
	}
	_, err := m.remove(ctx, Deleted, func(tx store.Tx) ([]record, error) {
		info, err := infoTable.Get(tx, id)
		if wit.CodeOf(err) == wit.CodeNotFound {
			return nil, missing(id, err)
		}
		return []record{info}, err
	})
	return err
}
