package matrixtest

import (
	"fmt"
	"time"
)

// maxEvent bounds an event, in bytes ("Size limits").
const maxEvent = 65536

// txn is the transaction of a call, which belongs to the login.
func (c *call) txn() string { return c.device + " " + c.Method + " " + c.URL.Path }

// send adds an event, once for each transaction id ("Sending events to a room").
func send(c *call) (any, error) {
	var content Content
	if err := c.read(&content); err != nil {
		return nil, err
	}
	return c.inRoom(func(w *World, r *room) (any, error) {
		if id := w.txns[c.txn()]; id != "" {
			return Content{"event_id": id}, nil
		}
		if r.muted[c.user.ID] {
			return nil, forbidden("You don't have permission to post that to the room. user_level (0) < send_level (50)")
		}
		if len(c.body)+512 > maxEvent {
			return nil, &apiError{status: 413, code: "M_TOO_LARGE", words: "event too large"}
		}
		e := &Event{Type: c.PathValue("type"), Sender: c.user.ID, Content: content, txn: c.device + " " + c.PathValue("txn")}
		if err := r.checkRelation(e); err != nil {
			return nil, err
		}
		w.add(r, e)
		w.txns[c.txn()] = e.ID
		delete(r.typing, c.user.ID)
		return Content{"event_id": e.ID}, nil
	})
}

// checkRelation refuses what servers do not take: the same emoji of one person twice, and a thread in a thread.
func (r *room) checkRelation(e *Event) error {
	kind, target, key := e.relates()
	switch kind {
	case "m.annotation":
		for _, other := range r.events {
			if k, t, emoji := other.relates(); k == kind && t == target && emoji == key && other.Sender == e.Sender && !other.Redacted {
				return badRequest("M_DUPLICATE_ANNOTATION", "Can't send same reaction twice")
			}
		}
	case "m.thread":
		if root := r.find(target); root == nil {
			return badRequest("M_UNKNOWN", "Can't send relation to unknown event")
		} else if k, _, _ := root.relates(); k != "" {
			return badRequest("M_UNKNOWN", "Cannot start threads from an event with a relation")
		}
	}
	return nil
}

func redact(c *call) (any, error) {
	var in struct{ Reason string }
	if err := c.read(&in); err != nil {
		return nil, err
	}
	return c.inRoom(func(w *World, r *room) (any, error) {
		if id := w.txns[c.txn()]; id != "" {
			return Content{"event_id": id}, nil
		}
		target := r.find(c.PathValue("event"))
		if target == nil {
			return nil, notFound("Could not find event " + c.PathValue("event"))
		}
		if target.Sender != c.user.ID {
			return nil, forbidden("You don't have permission to redact events")
		}
		e := w.redact(r, c.user.ID, target.ID, in.Reason, c.device+" "+c.PathValue("txn"))
		w.txns[c.txn()] = e.ID
		return Content{"event_id": e.ID}, nil
	})
}

func putTyping(c *call) (any, error) {
	var in struct {
		Typing  bool  `json:"typing"`
		Timeout int64 `json:"timeout"`
	}
	if err := c.read(&in); err != nil {
		return nil, err
	}
	if err := c.own(); err != nil {
		return nil, err
	}
	return c.inRoom(func(w *World, r *room) (any, error) {
		w.type_(r, c.user.ID, in.Typing, time.Duration(in.Timeout)*time.Millisecond)
		return Content{}, nil
	})
}

func putReceipt(c *call) (any, error) {
	return c.inRoom(func(w *World, r *room) (any, error) {
		switch c.PathValue("kind") {
		case "m.read", "m.read.private", "m.fully_read":
			w.read(r, c.user.ID, c.PathValue("event"))
			return Content{}, nil
		}
		return nil, badRequest("M_INVALID_PARAM", fmt.Sprintf("Receipt type must be m.read, not %s", c.PathValue("kind")))
	})
}

// read notes up to where somebody has read.
func (w *World) read(r *room, who, event string) {
	r.receipts[who] = receipt{event, w.tick(), time.Now()}
}
