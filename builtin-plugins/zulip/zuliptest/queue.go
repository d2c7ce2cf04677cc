package zuliptest

import (
	"fmt"
	"slices"
	"time"
)

// queue is an event queue ("Register an event queue").
type queue struct {
	id      string
	user    int64
	types   []string // of events; nil is all
	events  []fields
	next    int64
	pruned  int64 // the last event that was thrown away
	waiting int   // polls
}

// tell adds an event to the queues of somebody.
func (w *World) tell(user int64, kind string, event func(q *queue) fields) {
	for _, q := range w.queues {
		if q.user != user || q.types != nil && !slices.Contains(q.types, kind) {
			continue
		}
		e := event(q)
		e["type"], e["id"] = kind, q.next
		q.next++
		q.events = append(q.events, e)
	}
	w.happened.Raise()
}

// newQueue makes a queue.
func (w *World) newQueue(user int64, types []string) *queue {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.made++
	q := &queue{id: fmt.Sprintf("queue-%d", w.made), user: user, types: types, pruned: -1}
	w.queues[q.id] = q
	return q
}

// Expire throws all queues away, as the server does after ten minutes without a poll, or when it is started again.
func (w *World) Expire() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.queues)
	w.happened.Raise()
}

// Polling reports whether a poll of somebody's waits.
func (w *World) Polling(u *User) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, q := range w.queues {
		if q.user == u.ID && q.waiting > 0 {
			return true
		}
	}
	return false
}

// take returns the events behind one, and throws those before away. none says that there are none yet.
func (w *World) take(id string, user, last int64, wait int) (events []fields, none bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	q := w.queues[id]
	if q == nil || q.user != user {
		return nil, false, &apiError{status: 400, code: "BAD_EVENT_QUEUE_ID", msg: "Bad event queue ID: " + id, more: fields{"queue_id": id}}
	}
	if last < q.pruned {
		return nil, false, bad(fmt.Sprintf("An event newer than %d has already been pruned!", last))
	}
	for len(q.events) > 0 && q.events[0]["id"].(int64) <= last {
		q.pruned = q.events[0]["id"].(int64)
		q.events = q.events[1:]
	}
	q.waiting += wait
	if wait != 0 {
		w.happened.Raise()
	}
	return slices.Clone(q.events), len(q.events) == 0, nil
}

// heartbeat adds the event that ends a poll which has nothing to tell.
func (w *World) heartbeat(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if q := w.queues[id]; q != nil {
		q.events = append(q.events, fields{"type": "heartbeat", "id": q.next})
		q.next++
	}
}

// lose throws a queue away.
func (w *World) lose(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.queues, id)
}

// events answers a poll ("Get events from an event queue").
func (s *Server) events(c *call) (fields, error) {
	last, err := c.number("last_event_id")
	if err != nil {
		return nil, err
	}
	id := c.params["queue_id"]
	if c.lost {
		s.lose(id)
	}
	beat := time.NewTimer(s.cfg.Heartbeat)
	defer beat.Stop()
	for step := 1; ; step = 0 {
		changed := s.Next()
		events, none, err := s.take(id, c.user.ID, last, step)
		if err != nil {
			return nil, err
		}
		if !none || c.params["dont_block"] == "true" {
			_, _, _ = s.take(id, c.user.ID, last, -1)
			return fields{"events": events, "queue_id": id}, nil
		}
		select {
		case <-changed:
		case <-beat.C:
			s.heartbeat(id)
		case <-c.Context().Done():
		case <-s.Life.Done():
		}
		if c.Context().Err() != nil || s.Life.Err() != nil {
			_, _, _ = s.take(id, c.user.ID, last, -1)
			return nil, &apiError{status: 502, code: "BAD_REQUEST", msg: "gone"}
		}
	}
}

// register makes a queue.
func (s *Server) register(c *call) (fields, error) {
	var types, fetch []string
	if err := c.read("event_types", &types); err != nil {
		return nil, err
	}
	if err := c.read("fetch_event_types", &fetch); err != nil {
		return nil, err
	}
	q := s.newQueue(c.user.ID, types)
	out := fields{"queue_id": q.id, "last_event_id": -1, "zulip_feature_level": s.cfg.FeatureLevel, "zulip_version": "11.2", "zulip_merge_base": "11.2"}
	if fetch == nil || slices.Contains(fetch, "realm") {
		out["max_message_length"], out["event_queue_longpoll_timeout_seconds"] = s.cfg.MaxLength, 90
		out["server_emoji_data_url"] = "/static/generated/emoji/emoji_api.test.json"
	}
	return out, nil
}
