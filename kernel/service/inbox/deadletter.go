package inbox

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// DeadLetter is an event that the plugin could not handle. The event has lost its secrets, its
// configuration and its state; a replay fills in those of its moment.
type DeadLetter struct {
	Channel string `json:"channel"`
	Account string `json:"accountId"`
	// Kind is the event's; Code and Reason are why it was given up.
	Kind   wit.EventKind `json:"kind"`
	Code   wit.Code      `json:"code"`
	Reason string        `json:"reason"`
	// Event is the wit.ChannelEvent; absent when it was too large to be kept.
	Event json.RawMessage `json:"event,omitempty"`
	// Count is how often the same event has come; At and LastAt are the first and last time, in Unix
	// milliseconds.
	Count  int   `json:"count"`
	At     int64 `json:"at"`
	LastAt int64 `json:"lastAt"`
	// Stopped says that the account stopped at it.
	Stopped bool `json:"stopped"`
}

// letterTable has one row for each event, under the account and the event's hash.
const letterTable = store.Table[DeadLetter]("channel.poison")

// letterTally counts the dead letters of all accounts.
func letterTally() store.Tally { return store.TallyOf(string(letterTable)) }

// maxLetters bounds what is kept of one account; at it the account stops instead of stepping over.
const maxLetters = 1000

// DeadLetters keeps what could not be handled. Its methods are safe for concurrent use.
type DeadLetters struct {
	store  store.Store
	redact func(string) string
}

// Failure is an event that is given up.
type Failure struct {
	Account message.Account
	Event   wit.ChannelEvent
	Cause   error
	// Next is the state that steps over the event; nil when there is none and the account stops.
	Next *State
}

// Recorded is the dead letter that a failure became.
type Recorded struct {
	ID     string
	Reason string
	// Stopped says that the account has to stop: no state steps over the event, or too many were.
	Stopped bool
}

// Record keeps a failure and, where the account goes on, the state that steps over its event, in one
// transaction. The same event again is counted. Its error is a *StoreError.
func (d *DeadLetters) Record(ctx context.Context, f Failure) (Recorded, error) {
	id, letter := d.letter(f)
	err := write(ctx, d.store, func(tx store.Tx) error {
		full, err := full(tx, f.Account)
		if err != nil {
			return err
		}
		old, err := letterTable.Get(tx, id)
		more := 1
		if there, err := found(err); err != nil {
			return err
		} else if there {
			letter.Count, letter.At, more = old.Count+1, old.At, 0
		}
		letter.Stopped = f.Next == nil || full
		if err := letterTable.Put(tx, id, letter); err != nil {
			return err
		}
		if err := letterTally().Add(tx, more); err != nil || letter.Stopped {
			return err
		}
		return stateTable.Put(tx, accountKey(f.Account), *f.Next)
	})
	return Recorded{ID: id, Reason: letter.Reason, Stopped: letter.Stopped}, err
}

// letter makes the record. Its id is the event's hash, without what belongs to the moment, so that the same
// event has the same id however often it comes.
func (d *DeadLetters) letter(f Failure) (id string, l DeadLetter) {
	e := f.Event
	e.Account, e.Config, e.State, e.Now = "", nil, nil, 0
	raw := wit.Marshal(&e)
	sum := sha256.Sum256(raw)
	text := json.RawMessage(d.redact(string(raw)))
	if !json.Valid(text) || len(text) > store.MaxValue/2 {
		text = nil
	}
	now := time.Now().UnixMilli()
	return key(f.Account.Channel, f.Account.ID, hex.EncodeToString(sum[:8])), DeadLetter{
		Channel: f.Account.Channel, Account: f.Account.ID, Kind: e.Kind, Code: wit.CodeOf(f.Cause),
		Reason: message.Clip(d.redact(f.Cause.Error()), 2000), Event: text, Count: 1, At: now, LastAt: now,
	}
}

// full reports whether an account has as many dead letters as are kept.
func full(tx store.Tx, a message.Account) (bool, error) {
	count := 0
	for _, err := range tx.Scan(string(letterTable), store.Range{Prefix: accountKey(a) + "/", Limit: maxLetters}) {
		if err != nil {
			return false, err
		}
		count++
	}
	return count >= maxLetters, nil
}

// Get returns a dead letter. Errors: CodeNotFound; the store's.
func (d *DeadLetters) Get(ctx context.Context, id string) (l DeadLetter, err error) {
	err = d.store.View(ctx, func(tx store.Tx) (err error) {
		l, err = letterTable.Get(tx, id)
		return err
	})
	return l, store.Named(err, "there is no event %.100q: channels.poison.list shows which there are", id)
}

// Drop forgets a dead letter; one that is not there is no error. Errors: the store's.
func (d *DeadLetters) Drop(ctx context.Context, id string) error {
	return d.store.Update(ctx, func(tx store.Tx) error { return forgetLetter(tx, id) })
}

// forgetLetter deletes a dead letter, if it is there.
func forgetLetter(tx store.Tx, id string) error {
	_, err := tx.Get(string(letterTable), id)
	if there, err := found(err); err != nil || !there {
		return err
	}
	if err := letterTable.Delete(tx, id); err != nil {
		return err
	}
	return letterTally().Add(tx, -1)
}

// Count counts the dead letters of all accounts. Errors: the store's.
func (d *DeadLetters) Count(ctx context.Context) (n int, err error) {
	err = d.store.View(ctx, func(tx store.Tx) (err error) {
		n, err = letterTally().Of(tx)
		return err
	})
	return n, err
}
