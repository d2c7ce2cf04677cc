package irctest

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// history answers CHATHISTORY AFTER and TARGETS (draft/chathistory).
func (c *client) history(l *line) {
	s := c.server
	fail := func(code string) {
		c.answer(nil, ":"+Name+" FAIL CHATHISTORY "+code+" "+l.param(0)+" :Not answered")
	}
	if !c.has("draft/chathistory") || !c.has("batch") {
		fail("UNKNOWN_COMMAND")
		return
	}
	switch l.param(0) {
	case "AFTER":
		since, ok := timestamp(l.param(2))
		limit, err := strconv.Atoi(l.param(3))
		if !ok || err != nil {
			fail("INVALID_PARAMS")
			return
		}
		c.batch("chathistory "+l.param(1), func(ref string) {
			for _, m := range s.between(c.nick, l.param(1), since, min(limit, 100)) {
				c.answer(map[string]string{"batch": ref, "msgid": m.ID, "time": stamp(m.Time), "account": s.accountOf(m.From)},
					s.sourceOf(m.From)+" "+m.Command+" "+m.To+" :"+m.Text)
			}
		})
	case "TARGETS":
		since, ok := timestamp(l.param(1))
		if !ok {
			fail("INVALID_PARAMS")
			return
		}
		c.batch("draft/chathistory-targets", func(ref string) {
			seen := map[string]bool{}
			for _, m := range s.messages {
				name := m.To
				if lower(m.To) == lower(c.nick) {
					name = m.From
				} else if !strings.HasPrefix(m.To, "#") {
					continue
				}
				if m.Time.After(since) && !seen[lower(name)] {
					seen[lower(name)] = true
					c.answer(map[string]string{"batch": ref}, ":"+Name+" CHATHISTORY TARGETS "+name+" "+stamp(m.Time))
				}
			}
		})
	default:
		fail("INVALID_PARAMS")
	}
}

func (c *client) batch(kind string, fill func(ref string)) {
	c.server.last++
	ref := fmt.Sprintf("h%d", c.server.last)
	c.answer(nil, ":"+Name+" BATCH +"+ref+" "+kind)
	fill(ref)
	c.answer(nil, ":"+Name+" BATCH -"+ref)
}

func timestamp(param string) (time.Time, bool) {
	value, ok := strings.CutPrefix(param, "timestamp=")
	t, err := time.Parse(timeFormat, value)
	return t, ok && err == nil
}

// between are the messages of a room, or of a client with somebody, after a time.
func (s *Server) between(me, with string, since time.Time, limit int) (list []Message) {
	for _, m := range s.messages {
		here := lower(m.To) == lower(with) && strings.HasPrefix(with, "#") ||
			lower(m.To) == lower(me) && lower(m.From) == lower(with) || lower(m.To) == lower(with) && lower(m.From) == lower(me)
		if here && m.Command != "TAGMSG" && m.Time.Truncate(time.Millisecond).After(since) && len(list) < limit {
			list = append(list, m)
		}
	}
	return list
}

func (s *Server) sourceOf(nick string) string {
	if c := s.clients[lower(nick)]; c != nil {
		return c.source()
	}
	return ":" + nick + "!" + nick + "@people.test"
}

func (s *Server) accountOf(nick string) string {
	if c := s.clients[lower(nick)]; c != nil {
		return c.account
	}
	return s.people[lower(nick)]
}
