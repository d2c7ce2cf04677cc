package media

import (
	"context"
	"slices"
	"time"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// How often Run cleans up, and the age at which bytes without a record are removed.
const (
	cleanEvery = time.Hour
	orphanAge  = time.Hour
)

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

// clean removes what has expired, then the orphans. An orphan has to be old: a file that is being put has bytes
// before it has a record.
func (m *Store) clean(ctx context.Context) {
	now := time.Now()
	old, known, err := m.expired(ctx, now.UnixMilli())
	if err != nil {
		m.log.Warn("listing expired files failed", "error", err)
		return
	}
	m.mu.Lock()
	for _, info := range old {
		m.drop(ctx, info)
	}
	m.mu.Unlock()
	ids, err := m.blobs.list(now.Add(-orphanAge))
	if err != nil {
		m.log.Warn("reading the media folder failed", "error", err)
	}
	for _, id := range ids {
		if !known[id] {
			m.dropOrphan(ctx, id)
		}
	}
}

// expired lists what is too old, and the ids of all records.
func (m *Store) expired(ctx context.Context, now int64) (old []record, known map[string]bool, err error) {
	known = map[string]bool{}
	err = m.db.View(ctx, func(tx store.Tx) error {
		for row, err := range infoTable.Scan(tx, store.Range{}) {
			if err != nil {
				return err
			}
			known[row.Key] = true
			if row.Value.Expires <= now {
				old = append(old, row.Value)
			}
		}
		return nil
	})
	return old, known, err
}

// dropOrphan removes bytes, unless they have got a record meanwhile.
func (m *Store) dropOrphan(ctx context.Context, id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.Stat(ctx, id); wit.CodeOf(err) != wit.CodeNotFound {
		return
	}
	if err := m.blobs.remove(id); err != nil {
		m.log.Warn("removing a file failed", "file", id, "error", err)
	}
}

// makeRoom removes the least recently used files, but not newest, until the total fits. m.mu is held.
// It reads all records, which it can afford: it happens only when the total is reached. The newest is spared even
// if it is larger than the total, or Store would return an id of nothing.
func (m *Store) makeRoom(ctx context.Context, newest string) {
	if m.total <= m.limits.MaxTotal {
		return
	}
	var all []record
	err := m.db.View(ctx, func(tx store.Tx) error {
		for row, err := range infoTable.Scan(tx, store.Range{}) {
			if err != nil {
				return err
			}
			all = append(all, row.Value)
		}
		return nil
	})
	if err != nil {
		m.log.Warn("making room for new files failed", "error", err)
		return
	}
	slices.SortStableFunc(all, func(a, b record) int { return int(a.At - b.At) })
	for _, info := range all {
		if m.total <= m.limits.MaxTotal {
			return
		}
		if info.ID != newest {
			m.drop(ctx, info)
		}
	}
}

// drop removes a record and then its bytes. m.mu is held.
// In this order, because a record without bytes would be a file that cannot be opened, while bytes without a
// record are only to be removed later.
func (m *Store) drop(ctx context.Context, info record) {
	err := m.db.Update(ctx, func(tx store.Tx) error { return infoTable.Delete(tx, info.ID) })
	if err == nil {
		m.total -= info.Size
		err = m.blobs.remove(info.ID)
	}
	if err != nil {
		m.log.Warn("removing a file failed", "file", info.ID, "error", err)
	}
}
