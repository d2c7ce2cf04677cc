package message

import (
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Acceptor takes messages that are to be answered.
type Acceptor interface {
	// Accept queues the message in tx. It is called once for each message, unless its transaction fails;
	// the same ID twice is one message. One that there is no room for is refused to its conversation.
	// It returns the key of the session that answers, for Wake. Errors: the store's.
	Accept(tx store.Tx, m Inbound) (session string, err error)
	// Wake is called after a commit with accepted messages in it, with the keys that Accept returned for them; without
	// any, all that waits is looked at. It returns at once.
	Wake(sessions ...string)
}

// Outbox takes messages that are to be delivered.
type Outbox interface {
	// Enqueue records the message in tx; an ID that is known already is no error and changes nothing.
	// Errors: CodeInvalid for a message that nobody could send; the store's.
	Enqueue(tx store.Tx, m Outbound) error
	// Wake is called after a commit with messages in it. It returns at once.
	Wake()
}

// Confirmer is told what became of messages whose sends wait to hear of it.
type Confirmer interface {
	// Confirm records in tx what became of the send of an account that waits for a token. known is false where none
	// does (any more). Errors: the store's.
	Confirm(tx store.Tx, a Account, c wit.Confirmation) (known bool, err error)
	// Confirmed is called after the commit. It returns at once.
	Confirmed(a Account, list []wit.Confirmation)
}

// Pusher keeps what the browsers of visitors are to get.
type Pusher interface {
	// Push records in tx what a plugin's answer pushes. Errors: CodeNotFound for what is no visitor and CodeInvalid for what is not JSON,
	// which are the plugin's; the store's.
	Push(tx store.Tx, a Account, list []wit.Push) error
	// Pushed is called after the commit. It returns at once.
	Pushed(a Account, list []wit.Push)
}

// Nowhere is the outbox of a gateway that delivers nothing: what is put into it is gone, and no send waits.
type Nowhere struct{}

// Enqueue implements Outbox.
func (Nowhere) Enqueue(store.Tx, Outbound) error { return nil }

// Wake implements Outbox.
func (Nowhere) Wake() {}

// Confirm implements Confirmer.
func (Nowhere) Confirm(store.Tx, Account, wit.Confirmation) (bool, error) { return false, nil }

// Confirmed implements Confirmer.
func (Nowhere) Confirmed(Account, []wit.Confirmation) {}

// Push implements Pusher.
func (Nowhere) Push(store.Tx, Account, []wit.Push) error { return nil }

// Pushed implements Pusher.
func (Nowhere) Pushed(Account, []wit.Push) {}
