package xmpp

import (
	"slices"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// Pauses in milliseconds, before a room is joined again.
const (
	soonPause   = 1_000
	kickedPause = 10_000
	barredPause = 300_000
	joinWait    = 60_000 // for a room that says nothing
)

// historySlip is by how much, in milliseconds, a room's history is asked for again: its clock and ours may differ.
const historySlip = 10_000

// joinAll joins the rooms of the configuration and those that the bot was invited to, and forgets all others.
func joinAll(t *turn) {
	s := &t.State
	wanted := slices.Clone(t.Settings.rooms)
	for _, jid := range s.invited {
		if !slices.ContainsFunc(wanted, func(r room) bool { return r.jid == jid }) {
			wanted = append(wanted, room{jid: jid})
		}
	}
	var rooms []place
	for _, r := range wanted[:min(len(wanted), maxRooms)] {
		p := place{jid: r.jid}
		if old := s.place(r.jid); old != nil {
			p.last = old.last
		}
		rooms = append(rooms, p)
	}
	s.rooms = rooms
	for i := range s.rooms {
		s.rooms[i].nick = t.Settings.nick
		join(t, &s.rooms[i])
	}
}

// password is that of a room, "" for none.
func (s *settings) password(jid string) string {
	for _, r := range s.rooms {
		if r.jid == jid {
			return r.password
		}
	}
	return ""
}

// join asks to come into a room (XEP-0045, 7.2), and for what was said there since the bot was there last.
func join(t *turn, p *place) {
	history := tag("history", "", "maxstanzas", "0")
	if p.last != 0 {
		history = tag("history", "", "since", time.UnixMilli(p.last-historySlip).UTC().Format("2006-01-02T15:04:05Z"))
	}
	password := ""
	if word := t.Settings.password(p.jid); word != "" {
		password = leaf("password", word)
	}
	t.State.leave(p.jid)
	t.say(tag("presence", tag("x", password+history, "xmlns", nsMUC), "to", p.jid+"/"+p.nick))
	p.at = t.Now + joinWait
	t.Timer(roomsTimer, joinWait)
}

// leave forgets who is in a room.
func (s *state) leave(room string) {
	s.occupants = slices.DeleteFunc(s.occupants, func(o occupant) bool { return o.room == room })
}

// entered: the bot is in a room, and has heard what was said there before.
func entered(t *turn, p *place) {
	if p.in {
		return
	}
	p.in, p.why, p.barred, p.at, p.tries = true, "", false, 0, 0
	if p.last == 0 {
		p.last = t.Now
	}
	t.receipt(wit.ReceiptKindJoined, group(p.jid), &wit.Person{ID: t.Settings.jid, Name: &p.nick, Bot: true}, "")
	t.showPlace()
}

// hearPlace: somebody comes to a room, or goes, or the bot cannot.
func hearPlace(t *turn, p *place, n *node) {
	x := n.kid("x", nsMUCUser)
	nick := resource(n.get("from"))
	switch kind := n.get("type"); {
	case kind == "error":
		notJoined(t, p, n.kid("error", ""))
	case nick == p.nick || hasStatus(x, "110"):
		hearSelf(t, p, x, kind, nick)
	case kind == "":
		t.State.comes(p.jid, nick, x.kid("item", nsMUCUser).get("jid"))
	case kind == "unavailable":
		t.State.goes(p.jid, nick)
	}
}

// comes notes whose a nick is, where the room tells that.
func (s *state) comes(room, nick, jid string) {
	s.goes(room, nick)
	if isJID(jid) && len(nick) < 200 && len(jid) < 200 {
		s.occupants = bounded(s.occupants, occupant{room, nick, bare(jid)}, maxOccupants)
	}
}

func (s *state) goes(room, nick string) {
	s.occupants = slices.DeleteFunc(s.occupants, func(o occupant) bool { return o.room == room && o.nick == nick })
}

// hasStatus reports whether a room says something by a number (XEP-0045, 15.6).
func hasStatus(x *node, code string) bool {
	return slices.ContainsFunc(x.all(), func(k *node) bool { return k.name == "status" && k.get("code") == code })
}

// hearSelf: the room tells of the bot itself.
func hearSelf(t *turn, p *place, x *node, kind, nick string) {
	switch {
	case kind == "" && nick != "":
		p.nick = nick // which the room may have chosen (7.2.3)
		if hasStatus(x, "201") {
			open := tag("query", tag("x", "", "xmlns", nsForm, "type", "submit"), "xmlns", nsMUCOwner)
			t.ask("set", p.jid, "open", open) // a new room waits for its rules: the usual ones (10.1.2)
		}
	case kind != "unavailable":
	case hasStatus(x, "303"): // it has another nick now
		if to := x.kid("item", nsMUCUser).get("nick"); to != "" && len(to) < maxJID {
			p.nick = to
		}
	default:
		leftRoom(t, p, x)
	}
}

// leftRoom: the bot was put out of a room, or the room is gone. It comes back after a pause.
func leftRoom(t *turn, p *place, x *node) {
	who := x.kid("item", nsMUCUser).kid("actor", nsMUCUser).get("nick")
	if who == "" {
		who = "somebody"
	}
	why, pause := "it left the room", int64(barredPause)
	switch {
	case hasStatus(x, "301"):
		why = who + " has banned it"
	case hasStatus(x, "307"):
		why, pause = who+" has put it out", kickedPause
	case hasStatus(x, "321"), hasStatus(x, "322"):
		why = "the room is for members: make the bot one"
	case hasStatus(x, "332"):
		why, pause = "the server of the room stops", kickedPause
	case x.kid("destroy", nsMUCUser) != nil:
		why = "the room was destroyed"
	}
	wasIn := p.in
	p.in = false
	if wasIn {
		t.receipt(wit.ReceiptKindLeft, group(p.jid), &wit.Person{ID: t.Settings.jid, Name: &p.nick, Bot: true}, "")
	}
	lacks(t, p, why, pause)
}

// lacks notes why the bot is not in a room, and when it is tried again.
func lacks(t *turn, p *place, why string, pause int64) {
	p.why, p.at, p.barred = texts.Clip(why, 200), t.Now+pause, pause >= barredPause
	t.State.leave(p.jid)
	t.Timer(roomsTimer, pause)
	t.showPlace()
}

// forgotten: a room does not know the bot any more, as after a start of its server.
func forgotten(t *turn, p *place) {
	if p.in {
		p.in = false
		lacks(t, p, "the room has forgotten the bot", soonPause)
	}
}

const (
	selfID    = "self"  // and the room
	quietRoom = 600_000 // milliseconds after which a room where nobody says anything is asked whether the bot is still there
)

// lookIn asks quiet rooms whether the bot is still there, by a ping to itself (XEP-0410).
func lookIn(t *turn) {
	for i := range t.State.rooms {
		p := &t.State.rooms[i]
		if p.in && t.Now-max(p.last, p.asked) >= quietRoom {
			p.asked = t.Now
			t.ask("get", p.jid+"/"+p.nick, selfID+":"+p.jid, ping())
		}
	}
}

// hearSelfPing: what the bot itself answers, or the room in its place. Other errors say that the ping has reached the bot, or that
// nothing is known.
func hearSelfPing(t *turn, n *node, jid string) {
	p := t.State.place(jid)
	if p != nil && n.get("type") == "error" && conditionOf(n.kid("error", "")) == "not-acceptable" {
		forgotten(t, p)
	}
}

// hints are what the owner can do about a room that cannot be joined, by the condition that says so (XEP-0045, 7.2).
var hints = map[string]string{
	"not-authorized":        "the room has another password: put it behind the room's address in `rooms`",
	"forbidden":             "the bot is banned there",
	"registration-required": "the room is for members: make the bot one",
	"item-not-found":        "there is no such room, or it is not open yet",
	"not-allowed":           "nobody but the server's operators may make a room: make it first",
	"not-acceptable":        "the room wants another nick: choose one",
	"service-unavailable":   "the room is full, or there is no such server",
	"jid-malformed":         "the address or the nick cannot be one",
}

// maxUnderscores is how many are put behind a nick that somebody else has.
const maxUnderscores = 3

// notJoined: the room does not let the bot in. When its nick is taken it comes with another one (7.2.8).
func notJoined(t *turn, p *place, e *node) {
	condition := conditionOf(e)
	if p.in {
		return // it is about something that was said
	}
	if condition == "conflict" && p.tries < maxUnderscores {
		p.tries++
		p.nick = t.Settings.nick + strings.Repeat("_", int(p.tries))
		join(t, p)
		return
	}
	why := hints[condition]
	switch {
	case condition == "conflict":
		why = "all nicks of the bot are taken there: choose another `nick`"
	case why == "":
		why = "its server says " + condition
	}
	p.tries, p.nick = 0, t.Settings.nick
	pause := int64(barredPause)
	if e.get("type") == "wait" || condition == "remote-server-timeout" || condition == "remote-server-not-found" {
		pause = 30_000
	}
	lacks(t, p, why, pause)
}

// rejoin joins the rooms whose time has come.
func rejoin(t *turn) {
	s := &t.State
	if s.phase != phaseIn {
		return
	}
	next := int64(0)
	for i := range s.rooms {
		p := &s.rooms[i]
		if p.in {
			continue
		}
		if p.at <= t.Now {
			if p.nick == "" {
				p.nick = t.Settings.nick
			}
			join(t, p)
		}
		if wait := max(p.at-t.Now, soonPause); next == 0 || wait < next {
			next = wait
		}
	}
	t.Timer(roomsTimer, next)
}

// hearInvitation takes an invitation to a room: by the room (XEP-0045, 7.8.2) or by a person (XEP-0249).
func hearInvitation(t *turn, n *node) bool {
	jid := bare(n.kid("x", nsInvite).get("jid"))
	if n.kid("x", nsMUCUser).kid("invite", nsMUCUser) != nil {
		jid = bare(n.get("from"))
	}
	if jid == "" {
		return false
	}
	s := &t.State
	if p := s.place(jid); p != nil {
		if !p.in && s.phase == phaseIn {
			join(t, p)
		}
		return true
	}
	if t.Settings.joinOnInvite && isJID(jid) && s.settled && len(s.rooms) < maxRooms {
		s.invited = bounded(s.invited, jid, maxInvited)
		s.rooms = append(s.rooms, place{jid: jid, nick: t.Settings.nick})
		join(t, &s.rooms[len(s.rooms)-1])
	}
	return true
}
