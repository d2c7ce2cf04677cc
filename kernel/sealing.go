package kernel

import (
	"context"
	"errors"

	"github.com/hashicorp/go-hclog"

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

// sealing changes whether what the gateway keeps is sealed: the records first, then the files. What was begun goes on when
// whoever asked for it has left, and after a restart.
type sealing struct {
	db    *store.Sealed
	log   hclog.Logger
	asks  chan sealingAsk
	files []func(context.Context) error // what is sealed beside the records; set before Run
}

type sealingAsk struct {
	to   store.Form
	done chan error
}

func newSealing(db *store.Sealed, log hclog.Logger) *sealing {
	return &sealing{db: db, log: log, asks: make(chan sealingAsk)}
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

// resume ends a change that an earlier process has left, and seals what an earlier version has not.
func (s *sealing) resume(ctx context.Context) error {
	to, done, err := s.state(ctx)
	if err != nil || done {
		return err
	}
	return s.change(ctx, to)
}

// state is the form that all is to have, and whether all has it.
func (s *sealing) state(ctx context.Context) (to store.Form, done bool, err error) {
	state, err := s.db.Sealing(ctx)
	if err != nil {
		return "", false, err
	}
	files := store.Plain
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
	return state.To, state.Done && files == state.To, err
}

// change gives all that is kept another form. What cannot have it does not keep the rest from it.
func (s *sealing) change(ctx context.Context, to store.Form) error {
	if err := s.db.Convert(ctx, to); err != nil {
		return err
	}
	err := s.changeFiles(ctx, to)
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
	ask := sealingAsk{store.Plain, make(chan error, 1)}
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

// Status tells whether what is kept is sealed.
func (s *sealing) Status(ctx context.Context) (system.EncryptionStatus, error) {
	to, done, err := s.state(ctx)
	return system.EncryptionStatus{Enabled: to == store.Closed, Changing: !done}, err
}
