package media

import (
	"context"
	"time"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// compare looks at the files whose ids begin so: bytes without a record go if they are old, since a file that is being put has
// bytes before it has a record; records go whose bytes are lost, or that cannot be read; and what the index lacks is added
// to it.
func (m *Store) compare(ctx context.Context, prefix string, old time.Time) error {
	there, err := m.blobs.list(prefix)
	if err != nil {
		return err
	}
	var lost []string
	var unlisted []record
	err = m.db.View(ctx, func(tx store.Tx) error {
		for row, err := range infoTable.Scan(tx, store.Range{Prefix: prefix}) {
			if err != nil && !store.Damaged(err) {
				return err
			}
			_, has := there[row.Key]
			delete(there, row.Key)
			if !has || err != nil {
				lost = append(lost, row.Key)
			} else if _, err := usedTable.Get(tx, usedKey(row.Value.At, row.Key)); wit.CodeOf(err) == wit.CodeNotFound {
				unlisted = append(unlisted, row.Value)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for id, at := range there {
		if at.Before(old) {
			m.dropOrphan(ctx, id)
		}
	}
	for _, id := range lost {
		if err := m.dropLost(ctx, id); err != nil {
			return err
		}
	}
	return m.relist(ctx, unlisted)
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

// dropLost removes a record that cannot be read, or whose bytes are not there, unless they have come back meanwhile. Its size
// may be unknown, so the files are counted anew.
func (m *Store) dropLost(ctx context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.db.Update(ctx, func(tx store.Tx) error {
		_, err := infoTable.Get(tx, id)
		if m.blobs.has(id) && !store.Damaged(err) {
			return nil
		}
		m.log.Warn("a file is lost: its bytes or its record were damaged", "file", id)
		if err := infoTable.Delete(tx, id); err != nil {
			return err
		}
		_, wrong := files().Mend(tx)
		if _, err := total().Mend(tx); err != nil {
			return err
		}
		return wrong
	})
}

// relist adds to the index what it lacks.
func (m *Store) relist(ctx context.Context, list []record) error {
	if len(list) == 0 {
		return nil
	}
	return m.db.Update(ctx, func(tx store.Tx) error {
		for _, r := range list {
			now, err := infoTable.Get(tx, r.ID)
			if err == nil && now.At == r.At {
				err = usedTable.Put(tx, usedKey(r.At, r.ID), struct{}{})
			}
			if store.Failed(err) {
				return err
			}
		}
		return nil
	})
}
