// Package inbox is what came in, once, and who may speak: all that is committed of the channels' accounts,
// below the part that runs them.
//
// Owns: the record of every message that came in (unique on channel, account and message id), the accounts'
// saved state, the access rules, pairing requests and approvals, the pending history of groups, and the dead
// letters, which are the events that a plugin could not handle. A conversation to which its platform gives another
// id stays what it was. It refuses to call plugins, to answer anybody (message.Acceptor), to send (message.Outbox) and to
// know what somebody chooses (question).
//
// Guarantees. What one answer of a plugin brought (its messages, what is accepted of them, notices to their
// senders, the new state or the removal of the dead letter that was replayed) is one transaction. The same
// message twice is recorded once and accepted once, for as long as its record is kept: a month, or until a
// hundred thousand newer ones. A transaction that has begun outlives the context of its caller by at
// most 30 seconds, so that a stop does not throw away what a plugin has read.
//
// Everything is safe for concurrent use; nothing here keeps state in memory.
package inbox

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/event"
	"github.com/carapace-gateway/carapace/kernel/service"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/question"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Deps is what the service stands on. All but Confirmer, Pusher, Moved and Redact are needed.
type Deps struct {
	Store    store.Store
	Log      hclog.Logger
	Acceptor message.Acceptor
	Outbox   message.Outbox
	Accounts Accounts
	// Confirmer is who sends that wait are confirmed to; nil where nothing waits.
	Confirmer message.Confirmer
	// Pusher keeps what is for visitors; nil where there are none.
	Pusher message.Pusher
	// Moved are told, in the transaction, that a conversation has another id.
	Moved []func(store.Tx, message.Move) error
	// Owners are the settings that say who the owner is; nil where nobody can be named.
	Owners Owners
	// Questions are what people are asked with choices; nil where nobody else asks any.
	Questions *question.Book
	// Person says whom a name means; nil takes every name for an id.
	Person Person
	// Redact takes secrets out of text that is kept for the owner; nil leaves it as it is.
	Redact func(string) string
}

// Accounts knows the accounts that there are.
type Accounts interface {
	// Accounts lists them by channel and id.
	Accounts() []message.Account
	// Account finds an account, the channel's first when account is empty, or CodeNotFound.
	Account(channel, account string) (message.Account, error)
	// Label returns how a channel is called for people.
	Label(channel string) string
}

// Owners says who the owner is on chat platforms.
type Owners interface {
	// Owned reports whether anybody is named.
	Owned() bool
	// Own names a person of a channel, by the platform's id. Errors: CodeInvalid; CodeUnavailable.
	Own(ctx context.Context, channel, person string) error
	// Owns reports whether a person of a channel is the owner.
	Owns(channel, person string) bool
}

// Person says whom a name means on an account; not known is what may be an id. Errors are coded: CodeConflict for a name that
// several have.
type Person func(ctx context.Context, a message.Account, name string) (who wit.Person, known bool, err error)

// Service is the inbox of all accounts.
type Service struct {
	store     store.Store
	log       hclog.Logger
	acceptor  message.Acceptor
	outbox    message.Outbox
	confirmer message.Confirmer
	pusher    message.Pusher
	questions *question.Book
	pairing   *pairing
	letters   *DeadLetters
	movers    movers
	redact    func(string) string
	received  service.Counter
}

// New returns the service; it starts nothing.
func New(d Deps) *Service {
	if d.Redact == nil {
		d.Redact = func(s string) string { return s }
	}
	if d.Confirmer == nil {
		d.Confirmer = message.Nowhere{}
	}
	if d.Pusher == nil {
		d.Pusher = message.Nowhere{}
	}
	if d.Questions == nil {
		d.Questions = question.NewBook(d.Outbox, nil)
	}
	s := &Service{
		store: d.Store, log: d.Log.Named("inbox"), acceptor: d.Acceptor, outbox: d.Outbox, confirmer: d.Confirmer, pusher: d.Pusher, questions: d.Questions, redact: d.Redact,
		pairing: &pairing{store: d.Store, outbox: d.Outbox, accounts: d.Accounts, owners: d.Owners, questions: d.Questions, person: d.Person},
		letters: &DeadLetters{store: d.Store, redact: d.Redact}, movers: d.Moved,
	}
	d.Questions.Handle(pairingKind, s.pairing.answered)
	return s
}

// DeadLetters returns the events that could not be handled.
func (s *Service) DeadLetters() *DeadLetters { return s.letters }

// Service names what the inbox is to the kernel.
func (s *Service) Service() service.Service {
	return service.Service{
		Name: "inbox", Run: s.Run,
		Methods: append(s.pairing.methods(), s.letters.methods()...),
		Events:  []event.Row{ReceivedKind.Row(), DeadLetterKind.Row()},
		Queues: func(ctx context.Context) (map[string]int, error) {
			n, err := s.letters.Count(ctx)
			return map[string]int{"dead_letters": n}, err
		},
		Checks: []func(context.Context) service.Check{s.letters.check},
		Metrics: []service.Metric{{
			Name: "carapace_messages_received_total", Help: "Messages that came in through channels, by what became of them.",
			Counter: true, Labels: []string{"channel", "verdict"}, Collect: s.received.Samples,
		}},
	}
}

// When old records are looked for.
const (
	pruneDelay = time.Minute
	pruneEvery = time.Hour
)

// Run removes records that are too old or too many, until ctx ends. The error is nil.
func (s *Service) Run(ctx context.Context) error {
	t := time.NewTimer(pruneDelay)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			s.prune(ctx)
			t.Reset(pruneEvery)
		case <-ctx.Done():
			return nil
		}
	}
}

// prune forgets old entries of the inbox, pairing requests that nobody approved and questions that nobody answered.
func (s *Service) prune(ctx context.Context) {
	for more, closed := true, 0; more && ctx.Err() == nil; {
		err := s.store.Update(ctx, func(tx store.Tx) (err error) {
			if more, err = pruneEntries(tx, time.Now().Add(-entryAge).UnixMilli(), entryCount); err != nil {
				return err
			}
			if closed, err = s.questions.Expire(tx, time.Now().UnixMilli()); err != nil {
				return err
			}
			return expireRequests(tx, time.Now().UnixMilli())
		})
		if err != nil {
			if ctx.Err() == nil {
				s.log.Warn("old records not removed", "error", err)
			}
			return
		}
		if closed > 0 {
			s.outbox.Wake()
		}
	}
}

// writeTimeout bounds a write, which goes on when its caller has gone.
const writeTimeout = 30 * time.Second

// write runs fn in a transaction that outlives ctx. An error of the store is a *StoreError.
func write(ctx context.Context, s store.Store, fn func(store.Tx) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	return storeError(s.Update(ctx, fn))
}

// StoreError is a failure of the store: neither the plugin nor its event is to blame, and the same is to be
// tried again.
type StoreError struct{ Err error }

func (e *StoreError) Error() string { return e.Err.Error() }

// Unwrap returns the store's error.
func (e *StoreError) Unwrap() error { return e.Err }

// storeError marks an error as the store's.
func storeError(err error) error {
	if err == nil {
		return nil
	}
	return &StoreError{err}
}

// IsStoreError reports whether the store has failed.
func IsStoreError(err error) bool {
	e := (*StoreError)(nil)
	return errors.As(err, &e)
}

// found separates a record that is absent from a store that fails.
func found(err error) (bool, error) {
	switch wit.CodeOf(err) {
	case "":
		return true, nil
	case wit.CodeNotFound:
		return false, nil
	}
	return false, err
}
