package session

import (
	"context"
	"time"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// How often conversations are looked at that nobody has used for long, and how many are put away at a time.
const (
	retentionFirst = time.Minute
	retentionEvery = 6 * time.Hour
	retentionBatch = 100
)

// run is Service.Run, and puts away what nobody has used for long.
func (m methods) run(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		m.retain(ctx)
	}()
	err := m.sessions.Run(ctx)
	<-done
	return err
}

func (m methods) retain(ctx context.Context) {
	next := time.NewTimer(retentionFirst)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-next.C:
		}
		if n, err := m.putOldAway(ctx, time.Now()); err != nil && ctx.Err() == nil {
			m.sessions.log.Warn("old conversations not put into the archive", "error", err)
		} else if n > 0 {
			m.sessions.log.Info("conversations put into the archive that nobody has used for long", "count", n)
		}
		next.Reset(retentionEvery)
	}
}

// putOldAway archives the conversations that were not used for as long as the settings say, but main ones, and takes them
// out of the store. It returns how many.
func (m methods) putOldAway(ctx context.Context, now time.Time) (n int, err error) {
	keep := m.sessions.Settings().Keep
	for keep > 0 {
		keys, err := m.old(ctx, now.Add(-keep))
		if err != nil || len(keys) == 0 {
			return n, err
		}
		moved := 0
		for _, key := range keys {
			_, gone, err := m.putAway(ctx, key, true)
			switch {
			case ctx.Err() != nil:
				return n, ctx.Err()
			case wit.CodeOf(err) == wit.CodeConflict || wit.CodeOf(err) == wit.CodeNotFound || wit.CodeOf(err) == wit.CodeTooLarge:
				m.sessions.log.Warn("old conversation not put into the archive", "session", key, "error", err)
			case err != nil:
				return n, err
			default:
				m.ports.Ended(ctx, gone, wit.SessionEndingDeleted)
				n, moved = n+1, moved+1
			}
		}
		if moved == 0 {
			return n, nil // what is left will not go now
		}
	}
	return n, nil
}

// old are sessions that were not used since then, at most a batch of them.
func (m methods) old(ctx context.Context, since time.Time) (keys []Key, err error) {
	s := m.sessions
	err = s.store.View(ctx, func(tx store.Tx) error {
		keys = keys[:0]
		for row, err := range entries.Scan(tx, store.Range{}) {
			if s.skips.Skip(err) {
				continue
			}
			if err != nil {
				return err
			}
			e := row.Value
			if e.Updated < since.UnixMilli() && e.LastRunState != RunRunning && !s.Settings().IsMain(e.Key) && !e.is("pinned") {
				if keys = append(keys, e.Key); len(keys) == retentionBatch {
					return nil
				}
			}
		}
		return nil
	})
	return keys, err
}

func nowMillis() int64 { return time.Now().UnixMilli() }
