package media

import (
	"context"
	"fmt"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// Convert writes all files in the form that Options.Sealed says now, while they are used. A file that is damaged keeps the one
// that it has. It may be called again at any time, and goes on where it was cut off.
//
// Errors: CodeTimeout when ctx has ended; CodeInvalid for files that are damaged; CodeUnavailable where the disk refuses. All
// others are converted then too.
func (m *Store) Convert(ctx context.Context) error {
	if err := m.blobs.tidy(m.opened.Add(-time.Second)); err != nil { // they may have been begun in the other form
		return wit.Errorf(wit.CodeUnavailable, "media: the folder cannot be read: %w", err)
	}
	var first error
	failed := 0
	for i := range 256 {
		list, err := m.blobs.list(fmt.Sprintf("%02x", i))
		if err != nil {
			return wit.Errorf(wit.CodeUnavailable, "media: the folder cannot be read: %w", err)
		}
		for id := range list {
			err := m.turn(ctx, id)
			if ctx.Err() != nil {
				return wit.Errorf(wit.CodeTimeout, "media: the files were not all converted: %w", ctx.Err())
			}
			if err != nil {
				m.log.Error("a file was not converted", "file", id, "error", err)
				first, failed = err, failed+1
			}
		}
	}
	if failed > 0 {
		return wit.Errorf(wit.CodeOf(first), "%d files of media stay as they are: %w", failed, first)
	}
	return nil
}

// turn gives a file the form that it is to have, unless it has it or is gone. Only its last step keeps others from it.
func (m *Store) turn(ctx context.Context, id string) error {
	w, err := m.blobs.turned(ctx, id)
	if err == nil && w != nil {
		defer w.discard()
		err = m.renew(w, id)
	}
	if err != nil && wit.CodeOf(err) == wit.CodeInternal {
		err = wit.Errorf(wit.CodeUnavailable, "media: a file cannot be written: %w", err)
	}
	return err
}

// renew puts the same bytes in a file's place, unless it was removed meanwhile.
func (m *Store) renew(w blob, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.blobs.has(id) {
		return nil
	}
	return w.commit(id)
}
