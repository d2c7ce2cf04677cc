package store

import (
	"context"
	"errors"
	"os"

	"github.com/carapace-gateway/carapace/wit"
)

// Snapshot writes all records as they are at one moment into a new file, which is a store of its own; transactions go on
// meanwhile. It needs as much room on the disk as there are records. Errors: CodeConflict for a file that exists;
// CodeUnavailable; CodeTimeout when ctx has ended.
func (d *DB) Snapshot(ctx context.Context, path string) error {
	if err := d.life.enter(); err != nil {
		return err
	}
	defer d.life.leave()
	if err := ended(ctx.Err()); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return wit.Errorf(wit.CodeConflict, "store: the copy cannot be made in %s: %w", path, err)
	}
	if err := f.Close(); err != nil {
		return wit.Errorf(wit.CodeUnavailable, "store: %w", err)
	}
	c, err := connect(d.path, "mode=rw")
	if err != nil {
		return err
	}
	err = c.pragmas("busy_timeout=5000", "temp_store=MEMORY")
	if err == nil {
		_, err = c.exec("VACUUM INTO ?", path) // an empty file is as good as none to it
	}
	if err = errors.Join(err, c.close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

// Lock keeps the store at path from being opened, by this process and any other, while fn runs. Errors: CodeConflict where
// somebody has it open; fn's.
func Lock(path string, fn func() error) error {
	lock, err := lockFile(path + ".lock")
	if err != nil {
		return err
	}
	return errors.Join(fn(), lock.release())
}
