package irctest

import (
	"maps"
	"slices"
	"time"
)

// faults are what is to go wrong.
type faults struct {
	before, after int // messages of clients whose connection ends before they are taken, or behind
	hold          bool
	held          []held
	late          time.Duration
	silent        bool
	banned        bool
	repeats       int
}

// held is an answer that is kept back.
type held struct {
	to      *client
	answers []string
	label   string
}

// Person makes somebody whom tests speak as; with an account, the server vouches for that.
func (s *Server) Person(nick, account string) {
	s.update(func() { s.people[lower(nick)] = account })
}

// Leave takes a person away, so that the nick is free.
func (s *Server) Leave(nick string) {
	s.update(func() {
		delete(s.people, lower(nick))
		for _, c := range s.clients {
			c.send(nil, ":"+nick+"!"+nick+"@people.test QUIT :bye")
		}
	})
}

// Say makes a person say something to a nick or in a room, and returns its id.
func (s *Server) Say(from, to, text string) (id string) {
	return s.Tell(Message{From: from, To: to, Text: text, Command: "PRIVMSG"})
}

// Tell is Say for any message: a notice, or one with tags.
func (s *Server) Tell(m Message) (id string) {
	s.update(func() {
		if _, known := s.people[lower(m.From)]; !known {
			s.people[lower(m.From)] = ""
		}
		if m.Time.IsZero() {
			m.Time = s.now()
		}
		s.deliver(&m, ":"+m.From+"!"+m.From+"@people.test", s.people[lower(m.From)], nil)
		id = m.ID
	})
	return id
}

// Line writes a line to a client as it is.
func (s *Server) Line(nick, line string) {
	s.update(func() {
		if c := s.clients[lower(nick)]; c != nil {
			c.send(nil, line)
		}
	})
}

// Said lists what was said, by whom ever, or by one.
func (s *Server) Said(from ...string) (list []Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.messages {
		if len(from) == 0 || slices.ContainsFunc(from, func(nick string) bool { return lower(nick) == lower(m.From) }) {
			list = append(list, m)
		}
	}
	return list
}

// Here reports whether a client has registered under a nick.
func (s *Server) Here(nick string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clients[lower(nick)] != nil
}

// In reports whether a nick is in a room.
func (s *Server) In(room, nick string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rooms[lower(room)]
	return r != nil && r.members[lower(nick)]
}

// Nicks lists the clients.
func (s *Server) Nicks() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.clients))
}

// Logins is how many clients have logged in to an account.
func (s *Server) Logins() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.logins
}

// Mechanism is the one of SASL's that the last login was by.
func (s *Server) Mechanism() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mechanism
}

// Rules changes a room's: a key, only for who is invited, nobody may speak, no codes.
func (s *Server) Rules(name, key string, invite, quiet, bare bool) {
	s.update(func() {
		r := s.room(name)
		r.key, r.invite, r.quiet, r.bare = key, invite, quiet, bare
	})
}

// Ban keeps a nick out of a room, or lets it in again.
func (s *Server) Ban(name, nick string, banned bool) {
	s.update(func() { s.room(name).banned[lower(nick)] = banned })
}

// Invite has a person ask a client into a room.
func (s *Server) Invite(name, nick, by string) {
	s.update(func() {
		s.room(name).invited[lower(nick)] = true
		if c := s.clients[lower(nick)]; c != nil {
			c.send(nil, ":"+by+"!"+by+"@people.test INVITE "+c.nick+" "+name)
		}
	})
}

// Kick puts a client out of a room.
func (s *Server) Kick(name, nick, by, why string) {
	s.update(func() {
		r := s.room(name)
		for _, c := range s.in(r) {
			c.send(nil, ":"+by+"!"+by+"@people.test KICK "+name+" "+nick+" :"+why)
		}
		delete(r.members, lower(nick))
	})
}

// Break ends all connections, behind what was said on them.
func (s *Server) Break() {
	s.update(func() {
		for c := range s.conns {
			s.end(c, "Ping timeout")
		}
	})
}

// CutBefore ends the connection at each of the next n messages of clients, which are not taken; CutAfter takes them first,
// and does not say so.
func (s *Server) CutBefore(n int) { s.update(func() { s.faults.before = n }) }

// CutAfter is said at CutBefore.
func (s *Server) CutAfter(n int) { s.update(func() { s.faults.after = n }) }

// Hold keeps back the answers to lines with labels, until it is called with false.
func (s *Server) Hold(hold bool) {
	s.update(func() {
		s.faults.hold = hold
		if !hold {
			for _, h := range s.faults.held {
				if s.conns[h.to] {
					h.to.write(h.answers, h.label)
				}
			}
			s.faults.held = nil
		}
	})
}

// Late has all answers come so much later; what people say comes as ever, and so before them.
func (s *Server) Late(by time.Duration) { s.update(func() { s.faults.late = by }) }

// Silence has the server not answer PINGs.
func (s *Server) Silence(silent bool) { s.update(func() { s.faults.silent = silent }) }

// BanAll lets nobody in.
func (s *Server) BanAll(banned bool) { s.update(func() { s.faults.banned = banned }) }

// Repeat has what people say come so many times more.
func (s *Server) Repeat(times int) { s.update(func() { s.faults.repeats = times }) }

// Connections is how many there were.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened
}
