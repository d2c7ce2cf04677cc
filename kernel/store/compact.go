package store

import (
	"context"

	"github.com/carapace-gateway/carapace/wit"
)

// Compact writes the file anew, so that nothing is left in it of records that were deleted or replaced. Updates wait
// meanwhile, about a second for each 100 MB. It needs as much room on the disk as there are records. Errors: CodeUnavailable.
func (d *DB) Compact(ctx context.Context) error {
	if err := d.life.enter(); err != nil {
		return err
	}
	defer d.life.leave()
	asker := d.asker(ctx)
	if !d.updates.Take(ctx, asker) {
		return ended(ctx.Err())
	}
	defer d.updates.Give(asker)
	if d.batch != nil { // it was left to whoever comes next
		d.commit()
	}
	if _, err := d.writer.exec("VACUUM"); err != nil {
		return err
	}
	// What readers still need stays in the log, until the next checkpoint.
	busy, err := d.writer.one("PRAGMA wal_checkpoint(TRUNCATE)")
	if err == nil && busy != int64(0) {
		err = wit.NewError(wit.CodeUnavailable, "store: somebody reads for long, so the log still has what was replaced: try again")
	}
	return err
}

// Compact is DB's, where that is below.
func (s *Sealed) Compact(ctx context.Context) error {
	if c, ok := s.inner.(interface{ Compact(context.Context) error }); ok {
		return c.Compact(ctx)
	}
	return nil
}
