package kernel

import (
	"context"
	"errors"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/secret"
	"github.com/carapace-gateway/carapace/kernel/service/system"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// The purposes of the keys that the records and the files of media are sealed with.
const (
	recordsKey = "records"
	mediaKey   = "media"
)

// filesTable says which form the files beside the database have: it is written when all of them have it.
const (
	filesTable = store.Table[store.Form]("sealing.files")
	filesForm  = "form"
)

// guardedRecords is noted in the vault once no record is plain any more.
const guardedRecords = "records are guarded"

// OpenRecords opens the records of a store beside the credentials, for which the vault in it has the key: what others have
// changed there is noticed. Errors: those of store.Seal.
func OpenRecords(ctx context.Context, s store.Store, vault *secret.Vault) (*store.Sealed, error) {
	sealed, err := store.Seal(ctx, s, vault.Key(recordsKey), vault.Noted(guardedRecords))
	if err == nil {
		err = noteGuarded(ctx, sealed, vault)
	}
	return sealed, err
}

func noteGuarded(ctx context.Context, s *store.Sealed, vault *secret.Vault) error {
	state, err := s.Sealing(ctx)
	if err != nil || !state.Guarded() {
		return err
	}
	return vault.Note(ctx, guardedRecords)
}

// sealing changes whether what the gateway keeps is sealed: the records first, then the files. What was begun goes on when
// whoever asked for it has left, and after a restart.
type sealing struct {
	db    *store.Sealed
	vault *secret.Vault
	log   hclog.Logger
	asks  chan sealingAsk
	files []func(context.Context) error // what is sealed beside the records; set before Run
}

type sealingAsk struct {
	to   store.Form
	done chan error
}

func newSealing(db *store.Sealed, vault *secret.Vault, log hclog.Logger) *sealing {
	return &sealing{db: db, vault: vault, log: log, asks: make(chan sealingAsk)}
}

// Run does what is asked for, one after the other, until ctx ends. The error is nil.
func (s *sealing) Run(ctx context.Context) error {
	if err := s.resume(ctx); err != nil && ctx.Err() == nil {
		s.log.Error("sealing what is kept goes on at the next start", "error", err)
	}
	for {
		select {
		case ask := <-s.asks:
			ask.done <- s.change(ctx, ask.to)
		case <-ctx.Done():
			return nil
		}
	}
}

// resume ends a change that an earlier process has left, and does what an earlier version has not.
func (s *sealing) resume(ctx context.Context) error {
	records, files, err := s.state(ctx)
	to := records.To
	if to == store.Plain { // what an earlier version has begun
		to = store.Tagged
	}
	if err != nil || records.Done && records.To == to && files == filesOf(to) {
		return err
	}
	return s.change(ctx, to)
}

// filesOf is the form of files beside records of a form. They have no tags.
func filesOf(records store.Form) store.Form {
	if records == store.Closed {
		return store.Closed
	}
	return store.Plain
}

// state is how the records are stored, and in which form the files are.
func (s *sealing) state(ctx context.Context) (records store.Sealing, files store.Form, err error) {
	if records, err = s.db.Sealing(ctx); err != nil {
		return records, "", err
	}
	err = s.db.View(ctx, func(tx store.Tx) error {
		files, err = filesTable.Get(tx, filesForm)
		if wit.CodeOf(err) == wit.CodeNotFound {
			files, err = store.Plain, nil
		}
		return err
	})
	if store.Damaged(err) {
		files, err = "", nil // they are gone through once more
	}
	return records, files, err
}

// change gives all that is kept another form. What cannot have it does not keep the rest from it.
func (s *sealing) change(ctx context.Context, to store.Form) error {
	if err := s.db.Convert(ctx, to); err != nil {
		return err
	}
	err := errors.Join(noteGuarded(ctx, s.db, s.vault), s.changeFiles(ctx, filesOf(to)))
	if to == store.Closed {
		err = errors.Join(err, s.db.Compact(ctx)) // the file still has what the records were
	}
	if err == nil {
		s.log.Info("what is kept has another form", "form", string(to))
	}
	return err
}

func (s *sealing) changeFiles(ctx context.Context, to store.Form) (err error) {
	for _, change := range s.files {
		err = errors.Join(err, change(ctx))
	}
	if err != nil {
		return err
	}
	return s.db.Update(ctx, func(tx store.Tx) error { return filesTable.Put(tx, filesForm, to) })
}

// closed reports whether files that are written now are to be sealed.
func (s *sealing) closed(ctx context.Context) (bool, error) {
	state, err := s.db.Sealing(ctx)
	return state.To == store.Closed, err
}

// Set waits until all that is kept is sealed, or is not any more.
func (s *sealing) Set(ctx context.Context, on bool) error {
	ask := sealingAsk{store.Tagged, make(chan error, 1)}
	if on {
		ask.to = store.Closed
	}
	select {
	case s.asks <- ask:
	case <-ctx.Done():
		return wit.Errorf(wit.CodeTimeout, "another change is still under way: ask again: %w", ctx.Err())
	}
	select {
	case err := <-ask.done:
		return err
	case <-ctx.Done():
		return wit.Errorf(wit.CodeTimeout, "it goes on without you: ask how far it has got: %w", ctx.Err())
	}
}

// Status tells whether what is kept is sealed. That records get their tags is no change of it.
func (s *sealing) Status(ctx context.Context) (system.EncryptionStatus, error) {
	records, files, err := s.state(ctx)
	settled := records.Done || !records.Has(store.Closed)
	return system.EncryptionStatus{Enabled: records.To == store.Closed, Changing: !settled || files != filesOf(records.To)}, err
}
