package irc

import (
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// hearNickTaken: ERR_NICKNAMEINUSE and ERR_NICKCOLLISION. On the way in the bot takes another nick; later it keeps the one
// that it has.
func hearNickTaken(t *turn, _ *line) {
	s := &t.State
	if s.phase != phaseRegistering {
		return
	}
	s.tries++
	s.nick = t.Settings.other(s.tries)
	if s.nick == "" {
		t.giveUp(wit.ConnectionStateFailed, "all nicks of the bot are taken: choose another, or more `alternatives`", refusedPause)
		return
	}
	t.say("NICK " + s.nick)
}

// maxUnderscores is how many are put behind a nick.
const maxUnderscores = 3

// other is the nth nick to try instead of the wanted one, "" when there is none.
func (s *settings) other(n int64) string {
	if n <= int64(len(s.alternatives)) {
		return s.alternatives[n-1]
	}
	if n -= int64(len(s.alternatives)); n <= maxUnderscores {
		return s.nick + strings.Repeat("_", int(n))
	}
	return ""
}

// hearBadNick: ERR_ERRONEUSNICKNAME.
func hearBadNick(t *turn, l *line) {
	if t.State.phase == phaseRegistering {
		t.giveUp(wit.ConnectionStateFailed, "the server does not take the nick "+t.State.nick+": choose another ("+l.param(-1)+")", refusedPause)
	}
}

// hearUnavailable: ERR_UNAVAILRESOURCE is about a nick or about a room.
func hearUnavailable(t *turn, l *line) {
	if t.State.isRoom(l.param(1)) {
		hearNotJoined(t, l)
	} else {
		hearNickTaken(t, l)
	}
}

// hearNick: somebody has another nick now, maybe the bot, or whoever had its.
func hearNick(t *turn, l *line) {
	s := &t.State
	if s.same(l.nick, s.nick) {
		s.nick = l.param(0)
		if s.same(s.nick, t.Settings.nick) {
			missedFromPeople(t)
		}
		t.showPlace()
		return
	}
	regain(t, l.nick)
}

// hearQuit: somebody has gone.
func hearQuit(t *turn, l *line) { regain(t, l.nick) }

// regain asks for the wanted nick, when it has become free.
func regain(t *turn, freed string) {
	s := &t.State
	if s.phase == phaseIn && s.same(freed, t.Settings.nick) && !s.same(s.nick, t.Settings.nick) {
		t.say("NICK " + t.Settings.nick)
	}
}

// The nick that the bot wants is often held by a connection of its own that the server does not know to be broken yet: it is
// asked for soon, and then less and less often. In milliseconds.
const (
	firstNickPause = 2_000
	mostNickPause  = 60_000
)

// wantNick asks for the wanted nick later, while the bot has another one.
func wantNick(t *turn) {
	s := &t.State
	if s.phase != phaseIn || s.same(s.nick, t.Settings.nick) {
		s.nickTries = 0
		return
	}
	t.Timer(nickTimer, min(int64(firstNickPause)<<min(s.nickTries, 10), mostNickPause))
	s.nickTries++
}

// askNick asks for it now.
func askNick(t *turn) {
	if s := &t.State; s.phase == phaseIn && !s.same(s.nick, t.Settings.nick) {
		t.say("NICK " + t.Settings.nick)
	}
	wantNick(t)
}

// hearNewHost: `:nick!user@host CHGHOST user host`.
func hearNewHost(t *turn, l *line) {
	if t.State.same(l.nick, t.State.nick) && len(l.param(0))+len(l.param(1)) < 256 {
		t.State.host = l.param(0) + "@" + l.param(1)
	}
}

// hearHost: RPL_VISIBLEHOST, the host that others see from now on, or user@host.
func hearHost(t *turn, l *line) {
	s, host := &t.State, l.param(1)
	switch user, _, known := strings.Cut(s.host, "@"); {
	case host == "" || len(host) > 255:
	case strings.Contains(host, "@"):
		s.host = host
	case known:
		s.host = user + "@" + host
	}
}
