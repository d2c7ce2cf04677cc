package irc

import (
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// Pauses in milliseconds, before a room is joined again.
const (
	kickedPause  = 10_000
	barredPause  = 300_000
	joinsPerLine = 10
)

// joinAll joins the rooms of the configuration and those that the bot was invited to, ten with a line. Those with a key
// come first, since keys are told apart by their order.
func joinAll(t *turn) {
	rooms := slices.Clone(t.Settings.rooms)
	slices.SortStableFunc(rooms, func(a, b room) int { return strings.Compare(boolKey(a), boolKey(b)) })
	for _, name := range t.State.invited {
		if !slices.ContainsFunc(rooms, func(r room) bool { return t.State.same(r.name, name) }) {
			rooms = append(rooms, room{name: name})
		}
	}
	for part := range slices.Chunk(rooms, joinsPerLine) {
		join(t, part)
	}
}

// boolKey sorts rooms with a key before those without.
func boolKey(r room) string {
	if r.key != "" {
		return "a"
	}
	return "b"
}

func join(t *turn, rooms []room) {
	var names, keys []string
	for _, r := range rooms {
		names = append(names, r.name)
		if r.key != "" {
			keys = append(keys, r.key)
		}
	}
	t.say(strings.TrimSpace("JOIN " + strings.Join(names, ",") + " " + strings.Join(keys, ",")))
}

// wants reports whether a room is one that the bot ought to be in, and its key.
func (t *turn) wants(name string) (room, bool) {
	for _, r := range t.Settings.rooms {
		if t.State.same(r.name, name) {
			return r, true
		}
	}
	for _, invited := range t.State.invited {
		if t.State.same(invited, name) {
			return room{name: invited}, true
		}
	}
	return room{}, false
}

// hearJoin: the bot is in a room now. How it is shown there says its host.
func hearJoin(t *turn, l *line) {
	s := &t.State
	if !s.same(l.nick, s.nick) {
		return
	}
	if l.userAt != "" && len(l.userAt) < 256 {
		s.host = l.userAt
	}
	name := s.lower(l.param(0))
	if slices.Contains(s.rooms, name) || len(s.rooms) == maxRooms {
		return
	}
	s.rooms = append(s.rooms, name)
	s.missing = slices.DeleteFunc(s.missing, func(m missing) bool { return m.room == name })
	t.receipt(wit.ReceiptKindJoined, l.param(0))
	missedIn(t, l.param(0))
	t.showPlace()
}

// hearPart: the bot has left a room, as somebody has had it do.
func hearPart(t *turn, l *line) {
	if t.State.same(l.nick, t.State.nick) {
		left(t, l.param(0), "it left the room", barredPause)
	}
}

// hearKick: somebody was put out of a room. The bot comes back after a pause.
func hearKick(t *turn, l *line) {
	if t.State.same(l.param(1), t.State.nick) {
		left(t, l.param(0), l.nick+" has put it out: "+l.param(2), kickedPause)
	}
}

func left(t *turn, name, why string, pause int64) {
	s := &t.State
	folded := s.lower(name)
	s.rooms = slices.DeleteFunc(s.rooms, func(r string) bool { return r == folded })
	t.receipt(wit.ReceiptKindLeft, name)
	lacks(t, name, why, pause)
}

// lacks notes that the bot is not in a room where it ought to be, and when it is tried again.
func lacks(t *turn, name, why string, pause int64) {
	s, folded := &t.State, t.State.lower(name)
	if _, wanted := t.wants(name); !wanted {
		return
	}
	if len(why) > 200 {
		why = why[:200]
	}
	s.missing = slices.DeleteFunc(s.missing, func(m missing) bool { return m.room == folded })
	s.missing = bounded(s.missing, missing{folded, strings.ToValidUTF8(why, ""), t.Now + pause}, maxRooms)
	t.Timer(roomsTimer, pause)
	t.showPlace()
}

// rejoin joins the rooms whose time has come.
func rejoin(t *turn) {
	s := &t.State
	if s.phase != phaseIn {
		return
	}
	var due []room
	for i, m := range s.missing {
		if r, wanted := t.wants(m.room); wanted && m.at <= t.Now {
			due = append(due, r)
			s.missing[i].at = t.Now + barredPause
		}
	}
	for _, r := range due {
		join(t, []room{r})
	}
	next := int64(0)
	for _, m := range s.missing {
		if wait := max(m.at-t.Now, 1000); next == 0 || wait < next {
			next = wait
		}
	}
	t.Timer(roomsTimer, next)
}

// hints are what the owner can do about a room that cannot be joined, by the numeric that says so.
var hints = map[string]string{
	"403": "there is no such room",
	"405": "the bot is in as many rooms as the server allows",
	"437": "the room cannot be joined for the moment",
	"471": "the room is full: raise its limit (/mode +l)",
	"473": "the bot needs an invitation (/invite)",
	"474": "the bot is banned there (/mode -b)",
	"475": "the room has another key: put it behind the room's name in `channels`",
	"477": "the room is for those with an account: set `account` and `password`",
	"489": "the room is for encrypted connections: use tls:// in `server`",
	"520": "the room is for the server's operators",
}

// hearNotJoined: the server says why a room cannot be joined.
func hearNotJoined(t *turn, l *line) {
	why := hints[l.command]
	if why == "" {
		why = l.param(-1)
	}
	lacks(t, l.param(1), why, barredPause)
}

// hearNoRoom: ERR_NOSUCHCHANNEL is about a send or about a JOIN.
func hearNoRoom(t *turn, l *line) { aboutRoom(t, l) }

// hearNotRegistered: ERR_NEEDREGGEDNICK, likewise.
func hearNotRegistered(t *turn, l *line) { aboutRoom(t, l) }

func aboutRoom(t *turn, l *line) {
	if t.State.isRoom(l.param(1)) && t.State.labelOf(l) == "" && !slices.Contains(t.State.rooms, t.State.lower(l.param(1))) {
		hearNotJoined(t, l)
	}
	hearRefusal(t, l)
}

// maxInvited bounds the rooms that others have the bot join.
const maxInvited = 20

// hearInvite: `:nick INVITE bot #room`.
func hearInvite(t *turn, l *line) {
	s, name := &t.State, l.param(1)
	if !s.same(l.param(0), s.nick) || !s.isRoom(name) || target(name) == "" {
		return
	}
	if r, wanted := t.wants(name); wanted {
		join(t, []room{r})
		return
	}
	if t.Settings.joinOnInvite {
		s.invited = bounded(s.invited, name, maxInvited)
		join(t, []room{{name: name}})
	}
}

// receipt tells that the bot came to a room or went.
func (t *turn) receipt(kind wit.ReceiptKind, name string) {
	if target(name) == "" {
		return
	}
	t.Out.Receipts = append(t.Out.Receipts, wit.Receipt{
		Kind: kind, Conversation: wit.Conversation{Kind: wit.ConversationKindGroup, ID: t.State.lower(name), Name: &name},
		Sender: &wit.Person{ID: t.State.lower(t.State.nick), Name: &t.State.nick, Bot: true},
	})
}

// showPlace tells the owner where the bot is, and what it lacks.
func (t *turn) showPlace() {
	if t.State.phase != phaseIn {
		return
	}
	var lacks []string
	if !t.State.same(t.State.nick, t.Settings.nick) {
		lacks = append(lacks, "it is called "+t.State.nick+", since somebody else has the nick "+t.Settings.nick)
	}
	for _, m := range t.State.missing {
		if len(lacks) < 5 {
			lacks = append(lacks, "it is not in "+m.room+": "+m.why)
		}
	}
	t.status(wit.ConnectionStateConnected, strings.Join(lacks, "; "))
}
