package xmpptest

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// faults are what is to go wrong.
type faults struct {
	before, after int // messages of clients whose connection ends before they are taken, or behind
	silent        bool
	repeats       int
	late          time.Duration
}

// Person makes somebody whom tests speak as, by his address.
func (s *Server) Person(jid string) { s.update(func() { s.people[bare(jid)] = true }) }

// Say makes a person say something to an account, and returns its id.
func (s *Server) Say(from, to, text string, more ...*Element) (id string) {
	m := El("message", "", "type", "chat").With(more...)
	if text != "" {
		m.With(El("body", "").Words(text))
	}
	return s.Tell(from, to, m)
}

// Tell is Say for any message. One without an id gets one.
func (s *Server) Tell(from, to string, m *Element) (id string) {
	s.mu.Lock()
	late := s.faults.late
	s.mu.Unlock()
	time.Sleep(late) // for whoever says it, so that what one says stays in order
	s.update(func() {
		s.people[bare(from)] = true
		if id = m.Get("id"); id == "" {
			id = "message-of-test-" + s.number()
		}
		m = m.copied().set("from", from).set("to", to).set("id", id)
		if r := s.rooms[bare(to)]; r != nil {
			me := r.find(func(o *occupant) bool { return bare(o.jid) == bare(from) })
			if me == nil {
				me = &occupant{nick: strings.Split(from, "@")[0], jid: from}
				r.tell(r.presence(me, ""))
				r.occupants = append(r.occupants, me)
			}
			r.say(s, me, m.set("type", "groupchat"))
			return
		}
		for range 1 + s.faults.repeats {
			s.hand(bare(to), m)
		}
	})
	return id
}

// Write writes something to all clients of an account as it is.
func (s *Server) Write(account, xml string) {
	s.update(func() {
		for jid, x := range s.sessions {
			if bare(jid) == account {
				x.write(xml)
			}
		}
	})
}

// Said lists what was said by clients, in order; with addresses or nicks in rooms, what those have said.
func (s *Server) Said(from ...string) (list []Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.messages {
		if len(from) == 0 || slices.ContainsFunc(from, func(jid string) bool { return jid == m.From || jid == bare(m.From) }) {
			list = append(list, m)
		}
	}
	return list
}

// Shown lists what was said as the others see it: with the last correction of each message in its place (XEP-0308). One of a message that
// is not known is a message.
func (s *Server) Shown(from ...string) (list []Message) {
	for _, m := range s.Said(from...) {
		of := m.Stanza.Kid("replace", "").Get("id")
		i := slices.IndexFunc(list, func(other Message) bool { return of != "" && other.ID == of && other.To == m.To })
		if i < 0 {
			list = append(list, m)
		} else {
			list[i].Text = m.Text
		}
	}
	return list
}

// Here reports whether a client of an account is there, and shows itself.
func (s *Server) Here(account string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for jid, x := range s.sessions {
		if bare(jid) == account && x.available && x.stream != nil {
			return true
		}
	}
	return false
}

// In reports whether a nick is in a room, of a client.
func (s *Server) In(room, nick string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.rooms[room]
	if r == nil {
		return false
	}
	o := r.named(nick)
	return o != nil && o.session != nil
}

// Accounts lists the addresses of the clients.
func (s *Server) Accounts() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.sessions))
}

// Rules changes a room's: a password, whether nobody may speak, whether nobody is let in.
func (s *Server) Rules(jid, password string, quiet, members bool) {
	s.update(func() {
		r := s.room(jid)
		r.password, r.quiet, r.members = password, quiet, members
	})
}

// Enter puts a person into a room.
func (s *Server) Enter(jid, nick, person string) {
	s.update(func() {
		r := s.room(jid)
		o := &occupant{nick: nick, jid: person}
		r.tell(r.presence(o, ""))
		r.occupants = append(r.occupants, o)
	})
}

// Kick puts a client out of a room.
func (s *Server) Kick(jid, nick string) {
	s.update(func() {
		r := s.room(jid)
		o := r.named(nick)
		if o == nil {
			return
		}
		if o.session != nil {
			o.session.send(r.presence(o, "unavailable", "110", "307"))
		}
		r.occupants = slices.DeleteFunc(r.occupants, func(other *occupant) bool { return other == o })
		r.tell(r.presence(o, "unavailable", "307"))
	})
}

// Store keeps a file, and returns its address.
func (s *Server) Store(name string, data []byte) (url string) {
	s.update(func() { s.stored["/"+name] = data })
	return s.Files() + "/" + name
}

// Stored returns a file by its address, nil where there is none.
func (s *Server) Stored(url string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stored[strings.TrimPrefix(url, s.Files())]
}

// Break ends all connections, behind what was said on them. Sessions that are managed wait.
func (s *Server) Break() {
	s.update(func() {
		for st := range s.streams {
			s.end(st)
		}
	})
}

// Restart ends all connections and forgets all sessions.
func (s *Server) Restart() {
	s.update(func() {
		for _, x := range s.sessions {
			s.forget(x)
		}
	})
}

// CutBefore ends the connection at each of the next n messages of clients, which are not taken; CutAfter takes them first,
// and does not say so before the client is back.
func (s *Server) CutBefore(n int) { s.update(func() { s.faults.before = n }) }

// CutAfter is said at CutBefore.
func (s *Server) CutAfter(n int) { s.update(func() { s.faults.after = n }) }

// Silence has the server not answer pings.
func (s *Server) Silence(silent bool) { s.update(func() { s.faults.silent = silent }) }

// Repeat has what people say to an account come so many times more.
func (s *Server) Repeat(times int) { s.update(func() { s.faults.repeats = times }) }

// Late has all that people say come so much later.
func (s *Server) Late(by time.Duration) { s.update(func() { s.faults.late = by }) }

// Connections is how many there were, Resumed how many of them went on with a session of before, Logins how many logged in.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.opened
}

// Resumed is said at Connections.
func (s *Server) Resumed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.resumed
}

// Logins is said at Connections.
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
