package kernel

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// TestSealingFilesGoesOn: killed between the records and the files, or with a disk that fails, it is not done, says so, and goes
// on at the next start; so it does where an earlier version has sealed the records alone.
func TestSealingFilesGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		db, dir := store.OpenMemory(), t.TempDir()
		start := func(files func(context.Context) error) (s *sealing, stop func()) {
			sealed, vault, err := openRecords(t, db, dir)
			if err != nil {
				t.Fatal(err)
			}
			s = newSealing(sealed, vault, hclog.NewNullLogger())
			s.files = append(s.files, files)
			ctx, cancel := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- s.Run(ctx) }()
			synctest.Wait()
			return s, func() { cancel(); <-ended }
		}
		is := func(s *sealing, enabled, changing bool) {
			t.Helper()
			if got, err := s.Status(t.Context()); err != nil || got.Enabled != enabled || got.Changing != changing {
				t.Errorf("%+v %v", got, err)
			}
		}
		calls := 0
		count := func(context.Context) error { calls++; return nil }
		full := func(context.Context) error { return wit.NewError(wit.CodeUnavailable, "the disk is full") }
		s, stop := start(full)
		is(s, false, false)
		if err := s.Set(t.Context(), true); wit.CodeOf(err) != wit.CodeUnavailable {
			t.Errorf("with a full disk: %v", err)
		}
		is(s, true, true)
		stop()
		s, stop = start(count)
		if is(s, true, false); calls != 1 {
			t.Errorf("the files were gone through %d times", calls)
		}
		stop()
		s, stop = start(count)
		if is(s, true, false); calls != 1 {
			t.Errorf("nothing was left, and the files were gone through %d times", calls)
		}
		err := s.db.Update(t.Context(), func(tx store.Tx) error { return filesTable.Delete(tx, filesForm) })
		if err != nil {
			t.Fatal(err)
		}
		stop()
		s, stop = start(count)
		if is(s, true, false); calls != 2 {
			t.Errorf("after an earlier version the files were gone through %d times", calls)
		}
		if err := s.Set(t.Context(), false); err != nil {
			t.Error(err)
		}
		is(s, false, false)
		stop()
	})
}
