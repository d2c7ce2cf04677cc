package xmpptest

import (
	"slices"
	"time"
)

// room is a chat of several (XEP-0045).
type room struct {
	jid       string
	password  string
	quiet     bool // nobody may speak
	members   bool // nobody is let in
	occupants []*occupant
	history   []*archived
}

// occupant is somebody in a room: a client, or somebody whom tests speak as.
type occupant struct {
	nick, jid string
	session   *session
}

// room finds a room, or makes it.
func (s *Server) room(jid string) *room {
	r := s.rooms[jid]
	if r == nil {
		r = &room{jid: jid}
		s.rooms[jid] = r
	}
	return r
}

func (r *room) find(ok func(*occupant) bool) *occupant {
	if i := slices.IndexFunc(r.occupants, ok); i >= 0 {
		return r.occupants[i]
	}
	return nil
}

func (r *room) of(x *session) *occupant {
	return r.find(func(o *occupant) bool { return o.session == x })
}

func (r *room) named(nick string) *occupant {
	return r.find(func(o *occupant) bool { return o.nick == nick })
}

// presence is that of an occupant, as others see it: whose a nick is, is no secret.
func (r *room) presence(o *occupant, kind string, codes ...string) *Element {
	x := El("x", nsUser).With(El("item", nsUser, "affiliation", "member", "role", "participant", "jid", o.jid))
	for _, c := range codes {
		x.With(El("status", nsUser, "code", c))
	}
	return El("presence", "", "from", r.jid+"/"+o.nick, "type", kind).With(x)
}

// tell sends something to all clients in a room.
func (r *room) tell(e *Element) {
	for _, o := range r.occupants {
		if o.session != nil {
			o.session.send(e.copied().set("to", o.session.jid))
		}
	}
}

// hearPresence: a client comes, changes its nick, or goes.
func (r *room) hearPresence(s *Server, x *session, e *Element) {
	nick := resource(e.Get("to"))
	if e.Get("type") == "unavailable" {
		r.leave(s, x)
		return
	}
	word := ""
	if p := e.Kid("x", nsMUC).Kid("password", nsMUC); p != nil {
		word = p.Text
	}
	other := r.named(nick)
	switch {
	case word != r.password && r.of(x) == nil:
		s.refuse(x, e, "auth", "not-authorized")
		return
	case r.members:
		s.refuse(x, e, "auth", "registration-required")
		return
	case other != nil && other.session != x:
		s.refuse(x, e, "cancel", "conflict")
		return
	}
	r.occupants = slices.DeleteFunc(r.occupants, func(o *occupant) bool { return o.session == x })
	for _, o := range r.occupants {
		x.send(r.presence(o, "").set("to", x.jid))
	}
	me := &occupant{nick: nick, jid: x.jid, session: x}
	r.tell(r.presence(me, ""))
	r.occupants = append(r.occupants, me)
	x.send(r.presence(me, "", "110").set("to", x.jid))
	r.past(x, e.Kid("x", nsMUC).Kid("history", nsMUC))
	x.send(El("message", "", "type", "groupchat", "from", r.jid, "to", x.jid).With(El("subject", "")))
}

// past tells who comes what was said.
func (r *room) past(x *session, asked *Element) {
	since, err := time.Parse(time.RFC3339, asked.Get("since"))
	if err != nil {
		return
	}
	for _, a := range r.history {
		if !a.time.Before(since) {
			x.send(a.message.copied().set("to", x.jid).With(El("delay", nsDelay, "stamp", stamp(a.time), "from", r.jid)))
		}
	}
}

// leave takes a client out of a room.
func (r *room) leave(_ *Server, x *session) {
	me := r.of(x)
	if me == nil {
		return
	}
	r.occupants = slices.DeleteFunc(r.occupants, func(o *occupant) bool { return o == me })
	r.tell(r.presence(me, "unavailable"))
}

// hear takes what a client says in a room, or to somebody there.
func (r *room) hear(s *Server, x *session, e *Element) {
	me := r.of(x)
	switch {
	case me == nil:
		s.refuse(x, e, "modify", "not-acceptable")
	case e.Get("type") == "groupchat" && r.quiet:
		s.refuse(x, e, "auth", "forbidden")
	case e.Get("type") == "groupchat":
		r.say(s, me, e)
	default:
		to := r.named(resource(e.Get("to")))
		if to == nil {
			s.refuse(x, e, "cancel", "item-not-found")
			return
		}
		out := e.copied().set("from", r.jid+"/"+me.nick)
		s.record(out)
		if to.session != nil {
			to.session.send(out)
		}
	}
}

// say has all in a room hear something, and keeps it.
func (r *room) say(s *Server, me *occupant, e *Element) {
	out := e.copied().set("from", r.jid+"/"+me.nick).set("to", r.jid)
	out.With(El("stanza-id", nsSID, "by", r.jid, "id", "room-"+s.number()))
	s.record(out)
	if out.Body() != "" {
		r.history = append(r.history, &archived{message: out, time: time.Now()})
	}
	r.tell(out)
}
