package xmpp

import (
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// What was said while the bot was away is asked for in the account's archive (XEP-0313), page by page, behind the last message
// that is known. Messages have their ids there too, so what has come already is known.

const (
	archiveID = "mam"   // before the bot shows itself
	againID   = "mam2"  // and once more, when it has
	pageSize  = "50"    // messages
	clockSlip = 120_000 // milliseconds by which the server's clock may be behind
)

// catchUp asks for the page behind the last message that is known.
func catchUp(t *turn, id string) {
	a := &t.State.archive
	after, start := "", ""
	if a.last != "" {
		after = leaf("after", a.last)
	} else {
		begin := time.UnixMilli(a.since - clockSlip).UTC().Format("2006-01-02T15:04:05Z")
		start = tag("field", leaf("value", begin), "var", "start")
	}
	form := tag("x", tag("field", leaf("value", nsArchive), "var", "FORM_TYPE", "type", "hidden")+start, "xmlns", nsForm, "type", "submit")
	page := tag("set", leaf("max", pageSize)+after, "xmlns", nsRSM)
	t.ask("set", "", id, tag("query", form+page, "xmlns", nsArchive, "queryid", id))
}

// hearPage goes on behind a page; with the last one the bot shows itself, unless it has been there all the time. An archive that does not know the last message any
// more is asked from the time on when the account was first connected.
func hearPage(t *turn, n *node, id string) {
	a := &t.State.archive
	fin := n.kid("fin", nsArchive)
	last := fin.kid("set", nsRSM).words("last", nsRSM)
	switch {
	case n.get("type") == "error" && a.last != "":
		a.last, a.since = "", t.Now-lostPeriod
		catchUp(t, id)
		return
	case n.get("type") == "result" && last != "" && last != a.last && len(last) <= maxID && fin.get("complete") != "true":
		a.last = last
		catchUp(t, id)
		return
	case n.get("type") == "result" && last != "" && len(last) <= maxID:
		a.last = last
	}
	switch {
	case id != archiveID:
	case t.State.settled:
		askIn(t)
	default:
		appear(t)
	}
}

// lostPeriod is how far back an archive is read that has lost the message behind which it is asked, in milliseconds.
const lostPeriod = 24 * 60 * 60 * 1000

// hearArchived takes a message of the archive. Only the account's own archive counts: anybody could send a message that looks
// like one of its.
func hearArchived(t *turn, n, result *node) {
	if !t.fromServer(n) || bare(n.get("from")) == domain(t.Settings.jid) || result.get("queryid") != archiveID && result.get("queryid") != againID {
		return
	}
	forwarded := result.kid("forwarded", nsForward)
	m := forwarded.kid("message", nsClient)
	if m == nil || m.get("type") == "groupchat" || m.get("type") == "error" || len(m.get("from")) > maxJID {
		return
	}
	if bare(m.get("from")) == t.State.own() {
		known(t, texts.Clip(m.get("id"), maxID))
		return
	}
	if len(t.Out.Messages) < wit.ChannelAnswerMessagesMax && isJID(m.get("from")) {
		hearDirect(t, m, texts.Clip(result.get("id"), maxID), stampOf(forwarded), true)
	}
}
