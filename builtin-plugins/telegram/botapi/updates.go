package botapi

import (
	"encoding/json"
	"net/http"
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

	handed   map[int64]bool
	repeated int
}

type update struct {
	id   int64
	kind string
	at   time.Time
	body json.RawMessage
}

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

func (q *queue) wants(kind string) bool {
	if len(q.allowed) == 0 {
		return !slices.Contains(optIn, kind)
	}
	return slices.Contains(q.allowed, kind)
}

// push queues an update if the bot wants its kind and returns its id, or 0.
func (s *Server) push(kind string, v any) int64 {
	body, err := json.Marshal(v)
	if err != nil || !s.queue.wants(kind) {
		return 0
	}
	u := update{id: s.queue.next, kind: kind, at: time.Now(), body: body}
	s.queue.next++
	s.queue.waiting = append(s.queue.waiting, u)
	s.touch()
	return u.id
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

// poll is a getUpdates that waits.
type poll struct {
	end chan *apiError
}

var errOtherPoll = &apiError{Code: 409, Description: "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"}

// endPoll ends the poll that waits, if there is one. The lock is held.
func (s *Server) endPoll(reason *apiError) {
	if s.poll != nil {
		s.poll.end <- reason
		s.poll = nil
	}
}

func getUpdates(s *Server, r *http.Request, p params) (any, error) {
	var allowed []string
	given, err := p.json("allowed_updates", &allowed)
	if err != nil {
		return nil, err
	}
	offset, limit := p.int("offset", 0, -1<<53, 1<<53), p.int("limit", 100, 1, 100)
	deadline := time.NewTimer(time.Duration(p.int("timeout", 0, 0, 50)) * time.Second)
	defer deadline.Stop()

	s.mu.Lock()
	defer s.mu.Unlock()
	if s.webhook.url != "" {
		return nil, &apiError{Code: 409, Description: "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"}
	}
	if given {
		s.queue.allowed = allowed
	}
	s.endPoll(errOtherPoll)
	if offset < 0 {
		s.queue.last(-offset)
	}
	s.queue.confirm(offset)
	s.touch()
	me := &poll{end: make(chan *apiError, 1)}
	s.poll = me
	for {
		s.queue.expire(s.cfg.Retention)
		if out := s.queue.take(limit); len(out) > 0 || s.closed {
			s.leavePoll(me)
			return out, nil
		}
		changed := s.changed
		s.mu.Unlock()
		select {
		case <-changed:
		default:
			select {
			case <-changed:
			case reason := <-me.end:
				s.mu.Lock()
				return pollEnded(reason)
			case <-r.Context().Done():
				s.mu.Lock()
				s.leavePoll(me)
				return []update{}, nil
			case <-deadline.C:
				s.mu.Lock()
				s.leavePoll(me)
				return s.queue.take(limit), nil
			}
		}
		s.mu.Lock()
		select {
		case reason := <-me.end:
			return pollEnded(reason)
		default:
		}
	}
}

func pollEnded(reason *apiError) (any, error) {
	if reason == nil {
		return []update{}, nil
	}
	return nil, reason
}

func (s *Server) leavePoll(me *poll) {
	if s.poll == me {
		s.poll = nil
	}
}
