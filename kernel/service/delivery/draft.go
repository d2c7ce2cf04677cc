package delivery

import (
	"context"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// Drafts are messages that people read while they are written. The whole message takes the place of its draft.
type Drafts interface {
	// Take ends the draft of the message with this ID, so that nothing more is written of it, and returns it; false where there
	// is none. It may be asked again, and is after an error: that it is not known yet whether there is one.
	Take(ctx context.Context, id string) (Draft, bool, error)
	// Drop forgets a draft, once the whole message stands in its place or nothing will.
	Drop(ctx context.Context, id string)
}

// Draft is the beginning of a message, as it stands in its conversation.
type Draft struct {
	// ID is the platform's.
	ID string `json:"id"`
	// At is when it was written last.
	At time.Time `json:"at"`
}

// noDrafts shows no message before it is whole.
type noDrafts struct{}

func (noDrafts) Take(context.Context, string) (Draft, bool, error) { return Draft{}, false, nil }
func (noDrafts) Drop(context.Context, string)                      {}

// replace has the first piece take the place of a draft. Files cannot be put to a message that stands there: they follow it.
func (r *record) replace(draft string) {
	r.Draft = draft
	if len(r.Attachments) > 0 && len(r.Pieces) > 0 {
		r.Pieces = append(r.Pieces, piece{})
	}
}

// filesAt is the piece that the files go with.
func (r *record) filesAt() int {
	if r.Draft == "" {
		return 0
	}
	return len(r.Pieces) - 1
}

// redraws reports whether the next piece takes the place of a draft.
func (r *record) redraws() bool { return r.Draft != "" && r.next() == 0 }

// undraw has a message sent anew whose draft cannot be changed (any more), and reports whether it does.
func (d *dispatcher) undraw(e *entry, cause *wit.Error) bool {
	if !e.redraws() || !permanent(cause, e.Attempts) {
		return false
	}
	d.log.Warn("message sent anew, since its draft cannot be changed", "id", e.ID, "channel", e.Channel, "error", cause)
	if len(e.Attachments) > 0 {
		e.Pieces = e.Pieces[:len(e.Pieces)-1]
	}
	e.Draft, e.Attempts, e.NextAt = "", 0, 0
	return true
}
