package session

import (
	"time"

	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Summary stands for the beginning of a history in what a model reads. People go on seeing all of the history.
type Summary struct {
	// Through is the number of the newest message that it stands for.
	Through uint64 `json:"through"`
	Text    string `json:"text"`
	// Model has written it; empty when the gateway has.
	Model string `json:"model,omitempty"`
	// Time is in Unix milliseconds.
	Time int64 `json:"time"`
}

// MaxSummary is the longest summary, in bytes.
const MaxSummary = 64 << 10

// summaries has them by the id of the history.
const summaries = store.Table[Summary]("sessions.summary")

// SummaryOf returns the summary of a history's beginning, the zero value where there is none. One that cannot be read is
// as good as none: the messages are all there.
func SummaryOf(tx store.Tx, sessionID string) (Summary, error) {
	sum, err := summaries.Get(tx, sessionID)
	if wit.CodeOf(err) == wit.CodeNotFound || store.Damaged(err) {
		return Summary{}, nil
	}
	return sum, err
}

// Summarize lets a summary stand for the beginning of a session's history. context is how many tokens are left to read,
// about, and usage what the summary has cost.
//
// Errors: CodeNotFound without the session; CodeConflict when it has another history by now, or one that is shortened
// further.
func Summarize(tx store.Tx, key Key, sessionID string, sum Summary, context uint64, usage wit.Usage) error {
	e, err := Get(tx, key)
	if err != nil {
		return err
	}
	before, err := SummaryOf(tx, e.SessionID)
	if err != nil {
		return err
	}
	if e.SessionID != sessionID || before.Through >= sum.Through || sum.Through > e.Last {
		return wit.Errorf(wit.CodeConflict, "session %s was changed meanwhile: try again", key)
	}
	sum.Time = time.Now().UnixMilli()
	if err := summaries.Put(tx, sessionID, sum); err != nil {
		return err
	}
	e.Context, e.Usage = context, Sum(e.Usage, usage)
	return write(tx, &e)
}

// copySummary gives a copied history what stands for its beginning, where the copy begins with the message first.
func copySummary(tx store.Tx, from, to string, first uint64) error {
	sum, err := SummaryOf(tx, from)
	if err != nil || sum.Through < first {
		return err
	}
	sum.Through -= first - 1
	return summaries.Put(tx, to, sum)
}
