package delivery

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// record is a message in the queue, and afterwards its outcome.
type record struct {
	message.Outbound
	// Pieces is what is sent, set once by the first look at it.
	Pieces []piece `json:"pieces,omitempty"`
	// Attempts at the present piece that failed; NextAt is when the next one is due.
	Attempts     int        `json:"attempts,omitempty"`
	FirstAttempt int64      `json:"firstAttempt,omitempty"`
	NextAt       int64      `json:"nextAt,omitempty"`
	Error        *wit.Error `json:"error,omitempty"`
	Held         bool       `json:"held,omitempty"`
	// State and DoneAt are set with the outcome.
	State  State `json:"state,omitempty"`
	DoneAt int64 `json:"doneAt,omitempty"`
}

// piece is one send. Sending is when it was begun, and 0 again once its outcome is known.
type piece struct {
	Text    string   `json:"text,omitempty"`
	Sending int64    `json:"sending,omitempty"`
	Sent    bool     `json:"sent,omitempty"`
	IDs     []string `json:"ids,omitempty"`
}

// State is what became of a message.
type State string

const (
	StateQueued    State = "queued"
	StateHeld      State = "held"
	StateSent      State = "sent"
	StateFailed    State = "failed"
	StateCancelled State = "cancelled" // by a hook or by the owner
)

const (
	queueTable = store.Table[record]("delivery.queue")
	doneTable  = store.Table[record]("delivery.done")
	idTable    = store.Table[string]("delivery.id")
)

// Queue is the way into the service, for those that write in their own transactions. It is a message.Outbox.
type Queue struct{ wake chan struct{} }

// NewQueue returns the queue that a Service is made with.
func NewQueue() *Queue { return &Queue{make(chan struct{}, 1)} }

// Enqueue records o in tx; once it has committed, Wake makes it go out. An ID that is known already is
// no error and changes nothing. Errors: CodeInvalid for a message that nobody can send; the store's.
func (q *Queue) Enqueue(tx store.Tx, o message.Outbound) error {
	o.Text = strings.ToValidUTF8(o.Text, "\uFFFD")
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
	key := fmt.Sprintf("%016x", seq)
	switch err := idTable.Insert(tx, idKey(o.ID), key); wit.CodeOf(err) {
	case "":
		return queueTable.Insert(tx, key, record{Outbound: o})
	case wit.CodeConflict:
		return nil
	default:
		return err
	}
}

// Wake says that something was enqueued. It returns at once.
func (q *Queue) Wake() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// idKey keeps an id within the store's bounds.
func idKey(id string) string {
	if len(id) <= 200 {
		return "=" + id
	}
	sum := sha256.Sum256([]byte(id))
	return "#" + hex.EncodeToString(sum[:])
}

// lane names the conversation whose order a record keeps.
func (r *record) lane() string {
	thread := ""
	if r.To.Thread != nil {
		thread = *r.To.Thread
	}
	return strings.Join([]string{r.Channel, r.Account, r.To.ID, thread}, "\x00")
}

// next is the index of the piece to be sent, or len(Pieces).
func (r *record) next() int {
	for i := range r.Pieces {
		if !r.Pieces[i].Sent {
			return i
		}
	}
	return len(r.Pieces)
}

// ids lists what the platform called the pieces that were sent.
func (r *record) ids() []string {
	ids := []string{}
	for _, p := range r.Pieces {
		ids = append(ids, p.IDs...)
	}
	return ids
}

// lookup finds a message by its id: in the queue or among the outcomes.
func lookup(tx store.Tx, id string) (key string, r record, err error) {
	if key, err = idTable.Get(tx, idKey(id)); err != nil {
		return "", r, err
	}
	if r, err = queueTable.Get(tx, key); err == nil {
		r.State = StateQueued
		if r.Held {
			r.State = StateHeld
		}
		return key, r, nil
	}
	r, err = doneTable.Get(tx, key)
	return key, r, err
}
