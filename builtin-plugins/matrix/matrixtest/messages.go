package matrixtest

import (
	"encoding/json"
	"slices"
	"strconv"
)

// messages pages through a room's events between two tokens (GET /rooms/{roomId}/messages).
func messages(c *call) (any, error) {
	q := c.URL.Query()
	var f eventFilter
	if text := q.Get("filter"); text != "" && json.Unmarshal([]byte(text), &f) != nil {
		return nil, badRequest("M_INVALID_PARAM", "Invalid filter")
	}
	limit, _ := strconv.Atoi(q.Get("limit"))
	if limit <= 0 {
		limit = 10
	}
	back := q.Get("dir") == "b"
	from, fine := place(q.Get("from"))
	to, fine2 := place(q.Get("to"))
	if !fine || !fine2 || !back && q.Get("dir") != "f" {
		return nil, badRequest("M_INVALID_PARAM", "Invalid from parameter: malformed sync token")
	}
	if back && q.Get("from") == "" {
		from = now
	}
	if !back && q.Get("to") == "" {
		to = now
	}
	return c.inRoom(func(_ *World, r *room) (any, error) {
		var list []*Event
		for _, e := range r.events {
			if f.takes(e) && (back && e.pos <= from && e.pos > to || !back && e.pos > from && e.pos <= to) {
				list = append(list, e)
			}
		}
		if back {
			slices.Reverse(list)
		}
		out := Content{"start": token(min(from, c.server.World.pos)), "chunk": []Content{}}
		if len(list) > limit {
			list = list[:limit]
			end := list[limit-1].pos
			if back {
				end--
			}
			out["end"] = token(end)
		}
		chunk := []Content{}
		for _, e := range list {
			chunk = append(chunk, e.shown(c.user.ID, c.device))
		}
		out["chunk"] = chunk
		if f.Lazy {
			out["state"] = shownState(r.senders(list, now))
		}
		return out, nil
	})
}
