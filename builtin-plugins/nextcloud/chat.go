package nextcloud

import (
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/wit"
)

// Pages of a chat. A long poll is held for less than the server would hold it: one that nobody answers says so only when its time is
// over.
const (
	pageSize = 100
	heldFor  = 25 // seconds
)

// askChat asks for what was said in a room behind the last message that was taken, or waits for it ("Receive chat messages of a
// conversation"). Nothing counts as read by that.
func askChat(a *answer, r *room, how int64) {
	held := int64(0)
	if how == waiting {
		held = heldFor
	}
	size := int64(pageSize)
	if a.State.page > 0 {
		size = a.State.page
	}
	p := params(nil).int("lookIntoFuture", 1).int("timeout", held).int("lastKnownMessageId", r.last).int("limit", size).
		int("setReadMarker", 0).int("noStatusUpdate", 1).int("includeLastKnown", 0)
	a.request(requestChat, r.token, "GET", talk1+"/chat/"+form.Escape(r.token), p).Timeout = held*1000 + callTimeout
	r.asked = how
}

// chatCame takes what was said in a room, and asks for more of this room or another.
func chatCame(a *answer, token string, r result) {
	known := a.State.rooms.find(token)
	if known == nil {
		return
	}
	known.asked = notAsked
	code := wit.CodeOf(r.err())
	switch {
	case r.ok:
		connected(a)
		a.State.page = 0
		before := known.last
		receive(a, known, r)
		if known.last == before { // what the list has told of is not for the account
			known.newest = before
		}
	case r.Failure == nil && (code == wit.CodeNotFound || code == wit.CodeForbidden):
		a.Host.Info("nextcloud: the room " + token + " cannot be read any more: " + r.err().Error())
		if code == wit.CodeNotFound {
			a.State.rooms.remove(token)
		} else {
			known.newest, known.active = known.last, 0 // until the list tells of something new there
		}
	case r.Large && a.State.page != 1:
		if a.State.page == 0 {
			a.State.page = pageSize
		}
		a.State.page /= 2
		known.newest = max(known.newest, known.last+1)
	case r.Large:
		a.Host.Warn("nextcloud: a message in " + token + " is too large to be read, and is passed over")
		known.last++
	default:
		if a.State.retry == "" { // of several that fail at once, one counts
			requestFailed(a, requestRooms, r)
		}
		return
	}
	if a.State.retry == "" {
		ask(a)
	}
}

// receive makes messages of a page, and has the server know what was read.
func receive(a *answer, known *room, r result) {
	read := int64(0)
	for m := range r.data.Items() {
		id := m.Get("id").Int()
		if id <= known.last {
			continue
		}
		known.last = id
		out := a.messageOf(known, m)
		if out == nil {
			continue
		}
		a.Message(out)
		read, a.State.busy = id, a.Now
		known.active = max(known.active, m.Get("timestamp").Int())
	}
	known.last = max(known.last, lastIn(r))
	if read > 0 && a.Settings.receipts {
		a.request(requestAside, "", "POST", talk1+"/chat/"+form.Escape(known.token)+"/read", params(nil).int("lastReadMessage", read))
	}
}

// lastIn is the place behind a page, as the server says; 0 where it does not.
func lastIn(r result) int64 {
	last, _ := strconv.ParseInt(sdk.Header(r.Headers, "X-Chat-Last-Given"), 10, 64)
	return last
}
