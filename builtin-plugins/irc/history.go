package irc

import (
	"slices"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// What was said while the bot was away is asked for where the server keeps it ("draft/chathistory"). A history brings
// messages with their ids, so that what has come already is known.

const (
	historyBatch  = "chathistory"
	targetsBatch  = "draft/chathistory-targets"
	historyPage   = 100
	historyPeople = 50
)

// since is where a history begins: with what came last, since more may have come in the same millisecond.
func since(last int64) string {
	return "timestamp=" + time.UnixMilli(last-1).UTC().Format("2006-01-02T15:04:05.000Z")
}

// remembers reports whether there is something to ask for.
func (s *state) remembers() bool {
	return s.seen > 0 && s.has("draft/chathistory") && s.has("batch") && s.has("server-time")
}

// everybody stands for all who may have written to the bot alone.
const everybody = "*"

// missedIn asks what was said in a room, or by somebody.
func missedIn(t *turn, name string) { missedAfter(t, name, t.State.seen) }

func missedAfter(t *turn, name string, last int64) {
	if t.State.remembers() && target(name) != "" {
		t.catchUp(t.State.lower(name))
		t.say("CHATHISTORY AFTER " + name + " " + since(last) + " " + decimal(historyPage))
	}
}

// missedFromPeople asks who has written meanwhile; each of them is asked for then.
func missedFromPeople(t *turn) {
	if t.State.remembers() {
		t.catchUp(everybody)
		now := "timestamp=" + time.UnixMilli(t.Now+60_000).UTC().Format("2006-01-02T15:04:05.000Z")
		t.say("CHATHISTORY TARGETS " + since(t.State.seen) + " " + now + " " + decimal(historyPeople))
	}
}

// hearTarget: `CHATHISTORY TARGETS name time` says who has written.
func hearTarget(t *turn, l *line) {
	if l.param(0) == "TARGETS" && !t.State.isRoom(l.param(1)) {
		missedIn(t, l.param(1))
	}
}

// historyEnds asks for the next page behind a full one; behind the last, what was said meanwhile follows.
func historyEnds(t *turn, b batch) {
	switch {
	case b.kind == historyBatch && b.lines >= historyPage:
		missedAfter(t, b.room, b.last)
	case b.kind == historyBatch:
		t.caughtUp(t.State.lower(b.room))
	case b.kind == targetsBatch:
		t.caughtUp(everybody)
	}
}

// Bounds of what waits for a history. With more, all of it is told at once.
const (
	maxWaiting  = 60
	waitingSize = 20 << 10 // bytes of text
)

// waiting is a message that came while older ones of its conversation are still being asked for, so that all are told in
// order. What is in the history too has the same id there.
type waiting struct{ message wit.Message }

func (t *turn) catchUp(target string) {
	if !slices.Contains(t.State.catching, target) {
		t.State.catching = bounded(t.State.catching, target, maxRooms)
	}
}

// catches reports whether older messages of a conversation are being asked for.
func (s *state) catches(c *wit.Conversation) bool {
	return slices.Contains(s.catching, c.ID) || c.Kind == wit.ConversationKindDirect && slices.Contains(s.catching, everybody)
}

// tell tells a message, or keeps it until what was said before it is told.
func (t *turn) tell(m *wit.Message, old bool) {
	s := &t.State
	if old || !s.catches(&m.Conversation) {
		t.Out.Messages = append(t.Out.Messages, *m)
		return
	}
	s.waiting = append(s.waiting, waiting{*m})
	size := 0
	for _, w := range s.waiting {
		size += len(w.message.Text)
	}
	if len(s.waiting) >= maxWaiting || size >= waitingSize {
		t.stopCatching()
	}
}

// caughtUp tells what has waited for a history.
func (t *turn) caughtUp(target string) {
	s := &t.State
	s.catching = slices.DeleteFunc(s.catching, func(c string) bool { return c == target })
	var still []waiting
	for _, w := range s.waiting {
		if s.catches(&w.message.Conversation) {
			still = append(still, w)
		} else {
			t.Out.Messages = append(t.Out.Messages, w.message)
		}
	}
	s.waiting = still
	if target != "" && len(s.catching) == 0 {
		s.seen = max(s.seen, s.newest)
	}
}

// stopCatching tells all that waits: the server gives no history, or is gone.
func (t *turn) stopCatching() {
	t.State.catching = nil
	t.caughtUp("")
}

// hearFail is a standard reply ("standard-replies"): `FAIL command code context… :text`. A send that it answers has failed.
func hearFail(t *turn, l *line) {
	if label := t.State.labelOf(l); label != "" {
		confirm(t, label, nil, refused(strings.ToLower(l.param(1)), l.param(-1)))
	} else if l.param(0) == "CHATHISTORY" {
		t.stopCatching()
	}
}
