package irctest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// room is a channel of the server's.
type room struct {
	name    string
	members map[string]bool // folded nicks
	banned  map[string]bool
	key     string
	invite  bool            // only who was invited
	invited map[string]bool // folded nicks
	quiet   bool            // nobody may speak who has no voice
	bare    bool            // takes no codes
}

func (s *Server) room(name string) *room {
	r := s.rooms[lower(name)]
	if r == nil {
		r = &room{name: name, members: map[string]bool{}, banned: map[string]bool{}, invited: map[string]bool{}}
		s.rooms[lower(name)] = r
	}
	return r
}

// in lists the clients that are in a room.
func (s *Server) in(r *room) (list []*client) {
	for _, nick := range slices.Sorted(maps.Keys(r.members)) {
		if c := s.clients[nick]; c != nil {
			list = append(list, c)
		}
	}
	return list
}

// command answers a line of a registered client.
func (c *client) command(l *line) bool {
	switch l.command {
	case "JOIN":
		keys := strings.Split(l.param(1), ",")
		for i, name := range strings.Split(l.param(0), ",") {
			key := ""
			if i < len(keys) {
				key = keys[i]
			}
			c.join(name, key)
		}
	case "PART":
		c.part(l.param(0))
	case "PRIVMSG", "NOTICE", "TAGMSG":
		return c.speak(l)
	case "CHATHISTORY":
		c.history(l)
	case "MODE":
		c.numeric(324, l.param(0)+" +nt")
	case "WHO":
		c.numeric(315, l.param(0)+" :End of /WHO list.")
	case "NAMES":
		c.names(l.param(0))
	default:
		c.numeric(421, l.command+" :Unknown command")
	}
	return true
}

func (c *client) join(name, key string) {
	s := c.server
	if len(name) < 2 || name[0] != '#' {
		c.numeric(403, name+" :No such channel")
		return
	}
	r, me := s.room(name), lower(c.nick)
	switch {
	case r.members[me]:
		return
	case r.banned[me]:
		c.numeric(474, name+" :Cannot join channel (+b)")
		return
	case r.key != "" && r.key != key:
		c.numeric(475, name+" :Cannot join channel (+k)")
		return
	case r.invite && !r.invited[me]:
		c.numeric(473, name+" :Cannot join channel (+i)")
		return
	}
	r.members[me] = true
	for _, other := range s.in(r) {
		if other == c {
			c.answer(nil, c.source()+" JOIN "+r.name)
		} else {
			other.send(nil, c.source()+" JOIN "+r.name)
		}
	}
	c.names(name)
}

func (c *client) names(name string) {
	r := c.server.room(name)
	c.numeric(353, "= "+r.name+" :"+strings.Join(slices.Sorted(maps.Keys(r.members)), " "))
	c.numeric(366, r.name+" :End of /NAMES list.")
}

func (c *client) part(name string) {
	r := c.server.room(name)
	for _, other := range c.server.in(r) {
		other.send(nil, c.source()+" PART "+r.name)
	}
	delete(r.members, lower(c.nick))
}

// speak takes what a client says; a fault may end the connection before or after that.
func (c *client) speak(l *line) bool {
	s, to, text := c.server, l.param(0), l.param(1)
	if l.command == "PRIVMSG" && s.faults.before > 0 {
		s.faults.before--
		return false
	}
	notice := l.command == "NOTICE"
	if refusal := c.refusal(to, text); refusal != "" {
		if !notice {
			c.answer(nil, fmt.Sprintf(":%s %s", Name, strings.Replace(refusal, "NICK", c.nick, 1)))
		}
		return true
	}
	m := Message{From: c.nick, To: to, Text: text, Command: l.command, Tags: map[string]string{}, Time: s.now()}
	for name, value := range l.tags {
		if strings.HasPrefix(name, "+") && c.has("message-tags") {
			m.Tags[name] = value
		}
	}
	s.deliver(&m, c.source(), c.account, c)
	s.onTaken()
	if l.command == "PRIVMSG" && s.faults.after > 0 {
		s.faults.after--
		c.answers = nil
		return false
	}
	return true
}

// refusal is why a client may not say something, as a numeric.
func (c *client) refusal(to, text string) string {
	s := c.server
	if strings.HasPrefix(to, "#") {
		r := s.rooms[lower(to)]
		switch {
		case r == nil:
			return "403 NICK " + to + " :No such channel"
		case !r.members[lower(c.nick)] || r.quiet:
			return "404 NICK " + to + " :Cannot send to channel"
		case r.bare && strings.ContainsAny(text, "\x02\x03\x11\x1d\x1e\x1f"):
			return "408 NICK " + to + " :You cannot use control codes on this channel"
		}
		return ""
	}
	if !s.taken(to) {
		return "401 NICK " + to + " :No such nick/channel"
	}
	return ""
}

// deliver keeps a message and hands it to who is meant; from, a client, hears it back where it has asked for that.
func (s *Server) deliver(m *Message, source, account string, from *client) {
	s.last++
	m.ID = "m" + strconv.Itoa(s.last)
	s.messages = append(s.messages, *m)
	text := source + " " + m.Command + " " + m.To
	if m.Command != "TAGMSG" {
		text += " :" + m.Text
	}
	tags := maps.Clone(m.Tags)
	if tags == nil {
		tags = map[string]string{}
	}
	tags["msgid"], tags["time"] = m.ID, stamp(m.Time)
	if account != "" {
		tags["account"] = account
	}
	for _, other := range s.hearers(m.To) {
		if other != from && (m.Command != "TAGMSG" || other.has("message-tags")) {
			for range 1 + s.faults.repeats {
				other.send(tags, text)
			}
		}
	}
	if from != nil && from.has("echo-message") {
		from.answer(tags, text)
	}
}

func (s *Server) hearers(to string) []*client {
	if strings.HasPrefix(to, "#") {
		return s.in(s.room(to))
	}
	if c := s.clients[lower(to)]; c != nil {
		return []*client{c}
	}
	return nil
}

const timeFormat = "2006-01-02T15:04:05.000Z"

func stamp(t time.Time) string { return t.UTC().Format(timeFormat) }
