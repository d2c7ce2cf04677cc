package archive

import (
	"context"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// How often conversations are looked at that nobody has used for long, and how many are put away at a time.
const (
	retentionFirst = time.Minute
	retentionEvery = 6 * time.Hour
	retentionBatch = 100
)

// run puts away what nobody has used for long, until ctx ends.
func (s *Service) run(ctx context.Context) error {
	next := time.NewTimer(retentionFirst)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-next.C:
		}
		if n, err := s.putOldAway(ctx, time.Now()); err != nil && ctx.Err() == nil {
			s.log.Warn("old conversations not put into the archive", "error", err)
		} else if n > 0 {
			s.log.Info("conversations put into the archive that nobody has used for long", "count", n)
		}
		next.Reset(retentionEvery)
	}
}

// putOldAway archives the conversations that were not used for as long as the settings say, but main ones, and takes them
// out of the store. It returns how many.
func (s *Service) putOldAway(ctx context.Context, now time.Time) (n int, err error) {
	for {
		keys, err := s.sessions.Unused(ctx, now, retentionBatch)
		if err != nil || len(keys) == 0 {
			return n, err
		}
		moved := 0
		for _, key := range keys {
			_, gone, err := s.putAway(ctx, key, true)
			switch {
			case ctx.Err() != nil:
				return n, ctx.Err()
			case wit.CodeOf(err) == wit.CodeConflict || wit.CodeOf(err) == wit.CodeNotFound || wit.CodeOf(err) == wit.CodeTooLarge:
				s.log.Warn("old conversation not put into the archive", "session", key, "error", err)
			case err != nil:
				return n, err
			default:
				s.ports.Ended(ctx, gone, wit.SessionEndingDeleted)
				n, moved = n+1, moved+1
			}
		}
		if moved == 0 {
			return n, nil // what is left will not go now
		}
	}
}
