package botapitest

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"
)

// queue holds the updates that the bot has not confirmed.
type queue struct {
	next    int64
	waiting []update
	allowed []string // nil is the default set
	past    []update // the last that were confirmed, for Redeliver
	again   int      // how many of them the next poll repeats

	handed   map[int64]bool // what a poll has returned
	repeated int            // returns of what was returned before
}

func newQueue() queue { return queue{next: firstUpdate, handed: map[int64]bool{}} }

// firstUpdate is any number: the service begins with a random one.
const firstUpdate = 100_000

// update is one Update.
type update struct {
	id   int64
	kind string
	at   time.Time
	body json.RawMessage
}

// keptPast is how many confirmed updates can be delivered once more.
const keptPast = 100

// MarshalJSON writes the update as {"update_id": …, "<kind>": …}.
func (u update) MarshalJSON() ([]byte, error) {
	kind, err := json.Marshal(u.kind)
	if err != nil {
		return nil, err
	}
	out := append([]byte(`{"update_id":`), strconv.AppendInt(nil, u.id, 10)...)
	out = append(append(append(out, ','), kind...), ':')
	return append(append(out, u.body...), '}'), nil
}

// optIn are the kinds that a bot gets only when it names them.
var optIn = []string{"chat_member", "message_reaction", "message_reaction_count"}

// wants reports whether the bot gets updates of a kind.
func (q *queue) wants(kind string) bool {
	if len(q.allowed) == 0 {
		return !slices.Contains(optIn, kind)
	}
	return slices.Contains(q.allowed, kind)
}

// add queues an update if the bot wants its kind, and reports whether it does.
func (q *queue) add(kind string, v any) bool {
	body, err := json.Marshal(v)
	if err != nil || !q.wants(kind) {
		return false
	}
	q.waiting = append(q.waiting, update{id: q.next, kind: kind, at: time.Now(), body: body})
	q.next++
	return true
}

// expire drops what waited too long.
func (q *queue) expire(retention time.Duration) {
	q.waiting = slices.DeleteFunc(q.waiting, func(u update) bool { return time.Since(u.at) > retention })
}

// confirm forgets what is below offset. An offset that no update has had yet confirms everything only
// if it directly follows the last one; a wilder one is as good as none, as for the real service.
func (q *queue) confirm(offset int64) {
	if offset <= 0 || offset > q.next {
		return
	}
	n := 0
	for n < len(q.waiting) && q.waiting[n].id < offset {
		n++
	}
	q.past = append(q.past, q.waiting[:n]...)
	q.past = slices.Clone(q.past[max(0, len(q.past)-keptPast):])
	q.waiting = slices.Clone(q.waiting[n:])
}

// last keeps only the last n updates.
func (q *queue) last(n int64) {
	if n < int64(len(q.waiting)) {
		q.waiting = slices.Clone(q.waiting[int64(len(q.waiting))-n:])
	}
}

// take returns what the next poll is answered with.
func (q *queue) take(limit int64) []update {
	out := []update{}
	if q.again > 0 {
		out = append(out, q.past[max(0, len(q.past)-q.again):]...)
		q.again = 0
	}
	out = append(out, q.waiting[:min(len(q.waiting), int(limit))]...)
	out = out[:min(len(out), int(limit))]
	for _, u := range out {
		if q.handed[u.id] {
			q.repeated++
		}
		q.handed[u.id] = true
	}
	return out
}
