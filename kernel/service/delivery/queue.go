package delivery

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/move"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// The tables. A message has the same key, which grows with each enqueued one, in the queue and among the
// outcomes; it is in exactly one of them. idTable finds the key by the message's id for as long as either
// row is there, which is what makes an id that comes again no second message.
const (
	queueTable = store.Table[record]("delivery.queue")
	doneTable  = store.Table[record]("delivery.done")
	idTable    = store.Table[string]("delivery.id")
)

// waitingTally counts the messages that are not over, and heldTally those of them that are held.
func waitingTally() store.Tally { return store.TallyOf(string(queueTable)) }

func heldTally() store.Tally {
	return store.Tally{Name: "delivery.held", Count: func(tx store.Tx) (held int, err error) {
		for row, err := range queueTable.Scan(tx, store.Range{}) {
			if err != nil && !store.Damaged(err) {
				return 0, err
			}
			if row.Value.Held {
				held++
			}
		}
		return held, nil
	}}
}

// Queue is the way into the service, for those that write in their own transactions. It is a message.Outbox, and a
// message.Confirmer of what the service waits for.
// It may be used before the service that is made with it runs, and concurrently.
type Queue struct {
	wake     chan struct{}
	awaiting awaiting

	mu    sync.Mutex
	moves []message.Move // that the service has not seen
}

// NewQueue returns the queue that a Service is made with.
func NewQueue() *Queue { return &Queue{wake: make(chan struct{}, 1)} }

// Enqueue records o in tx; once it has committed, Wake makes it go out. An ID that is known already is
// no error and changes nothing. A conversation that has moved gets it under its present id
// and name. Errors: CodeInvalid for a message that nobody can send; the store's.
func (q *Queue) Enqueue(tx store.Tx, o message.Outbound) error {
	switch {
	case o.ID == "" || o.Channel == "" || o.Account == "" || o.To.ID == "":
		return wit.NewError(wit.CodeInvalid, "an outgoing message needs an id, a channel, an account and a conversation")
	case strings.TrimSpace(o.Text) == "" && len(o.Attachments) == 0:
		return wit.NewError(wit.CodeInvalid, "an outgoing message needs a text or an attachment")
	}
	if o.CreatedAt == 0 {
		o.CreatedAt = time.Now().UnixMilli()
	}
	seq, err := tx.Next(string(queueTable))
	if err != nil {
		return err
	}
	if o.To, err = move.Present(tx, message.Account{Channel: o.Channel, ID: o.Account}, o.To); err != nil {
		return err
	}
	key := rowKey(seq)
	switch err := idTable.Insert(tx, idKey(o.ID), key); wit.CodeOf(err) {
	case "":
		if err := queueTable.Insert(tx, key, record{Outbound: o}); err != nil {
			return err
		}
		if err := heldTally().Add(tx, 0); err != nil { // so that it is known from the first message on
			return err
		}
		return waitingTally().Add(tx, 1)
	case wit.CodeConflict:
		return nil
	default:
		return err
	}
}

// Moved lets what waits for a conversation go to its new id, behind which its order goes on. A move whose transaction
// fails does no harm: lanes only keep order. Errors: the store's.
func (q *Queue) Moved(tx store.Tx, m message.Move) error {
	var waiting []entry
	for row, err := range queueTable.Scan(tx, store.Range{}) {
		if store.Damaged(err) {
			continue
		}
		if err != nil {
			return err
		}
		if m.Is(row.Value.Channel, row.Value.Account, &row.Value.To) {
			waiting = append(waiting, entry{key: row.Key, record: row.Value})
		}
	}
	for _, e := range waiting {
		m.Apply(&e.To)
		if err := queueTable.Put(tx, e.key, e.record); err != nil {
			return err
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if m.From != m.To.ID && m.Thread == nil { // a thread goes out on the lane that it is on
		q.moves = append(q.moves, m)
	}
	return nil
}

// moved hands over the moves since the last call.
func (q *Queue) moved() []message.Move {
	q.mu.Lock()
	defer q.mu.Unlock()
	moves := q.moves
	q.moves = nil
	return moves
}

// Wake says that something was enqueued. It returns at once.
func (q *Queue) Wake() {
	select {
	case q.wake <- struct{}{}:
	default: // the service has not yet looked since the last call, and will see this message as well
	}
}

// rowKey is a number as a key: they sort alike.
func rowKey(seq uint64) string { return fmt.Sprintf("%016x", seq) }

// idKey keeps an id within the store's bounds on keys. The first character keeps ids and sums apart.
func idKey(id string) string {
	if len(id) <= 200 {
		return "=" + id
	}
	sum := sha256.Sum256([]byte(id))
	return "#" + hex.EncodeToString(sum[:])
}

// lookup finds a message by its id: in the queue or among the outcomes. Its State is set in either case.
func lookup(tx store.Tx, id string) (entry, error) {
	key, err := idTable.Get(tx, idKey(id))
	if err != nil {
		return entry{}, err
	}
	r, err := queueTable.Get(tx, key)
	if wit.CodeOf(err) == wit.CodeNotFound {
		r, err = doneTable.Get(tx, key)
	}
	r.State = r.state()
	return entry{key: key, record: r}, err
}
