package zulip

import (
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// Sizes of pages of missed messages.
const (
	pageSize = 100
	// overlap is how many messages before the last one that was seen are read again: ids are given when a message is begun, so
	// one with a smaller id may have come later. The kernel knows by their ids those that it has.
	overlap = 20
)

// askMissed asks for the next page of what was said while the account had no queue ("Get messages").
func askMissed(a *answer) {
	size, before, anchor := int64(pageSize), int64(0), "false"
	if a.State.page > 0 {
		size = a.State.page
	}
	if !a.State.paged {
		before, anchor = min(overlap, size), "true"
	}
	a.request(requestMissed, "", "GET", "/messages", params(nil).int("anchor", a.State.seen).text("include_anchor", anchor).
		int("num_before", before).int("num_after", size).text("apply_markdown", "false"))
}

// receiveMissed takes a page, and goes on with the next one, or with the queue behind the last one.
func receiveMissed(a *answer, v json.Value) {
	before := a.State.seen
	for m := range v.Get("messages").Items() {
		if m.Get("id").Int() > a.State.first {
			receive(a, m, m.Get("flags"))
		}
	}
	a.State.paged = true
	if v.Get("found_newest").Bool() || a.State.seen == before {
		a.State.missing, a.State.paged, a.State.page = false, false, 0
	}
	resume(a)
}

// lostQueue begins with another queue, when the server has thrown the old one away ("Get events", BAD_EVENT_QUEUE_ID).
func lostQueue(a *answer, r result) {
	a.Host.Info("zulip: the server does not have the event queue any more, another one is registered: " + r.message())
	a.State.queue, a.State.lookups = "", nil
	if a.State.lost++; a.State.lost > 1 { // not in a circle at full speed
		a.State.failures = a.State.lost
		a.status(wit.ConnectionStateDisconnected, "the server does not keep the event queue; another one is registered")
		retryLater(a, requestRegister, account.Backoff(a.State.failures, account.SlowRetry, a.Now))
		return
	}
	register(a)
}

// tooMuch goes on after an answer that was larger than the kernel hands to a plugin: of the queue's events the messages are
// fetched in pages, of those each with fewer.
func tooMuch(a *answer, kind requestKind) {
	if kind == requestEvents {
		a.Host.Warn("zulip: too much has happened to be read at once: messages are read in pages, other events are not")
		a.State.queue = ""
		retryLater(a, requestRegister, account.FirstRetry)
		return
	}
	size := a.State.page
	if size == 0 {
		size = pageSize
	}
	a.State.page = size / 2
	retryLater(a, kind, account.FirstRetry)
}

// isLost reports whether a poll was refused as only one is whose queue is not there, or has gone on without the plugin: then
// the server says that it has thrown events away that the plugin asks for.
func (r result) isLost() bool {
	return !r.ok && r.Failure == nil && (r.code == "BAD_EVENT_QUEUE_ID" || r.meaning().Code == wit.CodeInvalid)
}
