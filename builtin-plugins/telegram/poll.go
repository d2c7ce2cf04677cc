package telegram

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// A poll that Telegram does not answer says only when its time is over that nobody is there, so both are short. A poll
// after one that failed is not held: it finds out whether Telegram is back, and asks for no more than comes soon over a slow
// line.
const (
	pollSeconds  = 10 // that Telegram holds a getUpdates which has nothing to tell
	probeUpdates = 10 // that the first poll after a failure may bring
)

// poll asks for updates. No message may be pending: the offset tells Telegram to forget what is below it
// (getUpdates, offset).
func poll(a *answer) {
	held, limit := int64(pollSeconds), a.State.limit
	if a.State.retry == requestUpdates {
		if held = 0; limit == 0 || limit > probeUpdates {
			limit = probeUpdates
		}
	}
	params := json.Object{}.Int("offset", a.State.offset).Int("timeout", held).Raw("allowed_updates", wit.JSON(allowedUpdates))
	if limit > 0 {
		params = params.Int("limit", limit)
	}
	a.request(requestUpdates, "getUpdates", params).Timeout = held*1000 + callTimeout
}

// receiveUpdates takes what a poll brought: messages up to the first that has files to locate. What comes
// after that one is not confirmed and comes again.
func receiveUpdates(a *answer, list json.Value) {
	if a.State.pending != nil {
		resume(a)
		return
	}
	var updates []json.Value
	for u := range list.Items() {
		updates = append(updates, u)
	}
	for i, u := range updates {
		in := receive(a, u)
		if in == nil {
			continue
		}
		if !in.mustWait() {
			a.message(in.message)
			continue
		}
		size := albumSize(in, updates[i:])
		if i+size == len(updates) && albumMayGrow(a, in, size) {
			a.State.offset = u.Get("update_id").Int() // this update once more
			return
		}
		a.State.pending = &pending{message: in.message, files: in.files}
		addToAlbum(a, in, updates[i+1:i+size])
		break
	}
	resume(a)
}

// receive reads one update, counts it as seen, and adds to the answer what it brings beside a message.
// The message is nil when the update has none for anybody.
func receive(a *answer, v json.Value) *inbound {
	u := readUpdate(v, a.State.me, a.Now)
	if u.id != 0 {
		a.State.offset = u.id + 1
	}
	if u.receipt != nil {
		a.Out.Receipts = append(a.Out.Receipts, *u.receipt)
	}
	if u.moved != nil {
		a.Out.Moved = append(a.Out.Moved, *u.moved)
	}
	if u.vote.Exists() {
		u.message = a.vote(u.vote, u.ownID())
		u.placed()
	}
	if u.button != "" {
		acknowledgeButton(a, u)
	}
	return u.message
}
