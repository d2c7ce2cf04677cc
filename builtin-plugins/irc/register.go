package irc

import (
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// Pauses in milliseconds.
const (
	refusedPause    = 300_000 // before a login that was refused is tried again
	credentialPause = 10_000  // until it is looked again whether the owner has set a credential: this costs nothing
)

// The names of the credentials.
const (
	passwordCredential       = "password"
	serverPasswordCredential = "serverPassword"
)

// wanted are the capabilities that are asked for where the server has them. A label needs a batch for more than one line of
// answer, and an echo is told from what somebody else says by its label.
var wanted = []string{"message-tags", "server-time", "account-tag", "batch", "labeled-response", "echo-message", "chghost", "draft/chathistory"}

// maxLine is the longest line that is read: tags of 8191 bytes and 512 of the rest, and some room.
const maxLine = 16 << 10

// connect opens the connection anew.
func connect(t *turn) {
	t.State.phase = phaseOff
	t.Timer(connectTimer, 0)
	if t.Settings.account != "" {
		if has, err := t.Host.HasCredential(passwordCredential, t.Account); err == nil && !has {
			t.status(wit.ConnectionStateNeedsLogin, "the account "+t.Settings.account+" needs its password: give it with `carapace setup irc`")
			t.Timer(connectTimer, credentialPause)
			return
		}
	}
	transport, _, _ := strings.Cut(t.Settings.server, ":")
	t.Out.Open = append(t.Out.Open, wit.OpenConnection{
		Connection: connection, Transport: wit.Transport(transport), URL: t.Settings.server,
		Framing: wit.StreamFramingLines, MaxBytes: maxLine,
	})
	t.status(wit.ConnectionStateConnecting, "")
}

// register begins on a connection that was opened ("Connection Registration", "Capability Negotiation").
func register(t *turn, _ *wit.Opened) {
	s := &t.State
	*s = state{
		phase: phaseRegistering, nick: t.Settings.nick, heard: t.Now,
		session: s.session + 1, count: s.count, seen: s.seen, newest: s.seen, invited: s.invited,
		catching: s.catching, waiting: s.waiting, // what was said before that is asked for again
	}
	if has, err := t.Host.HasCredential(serverPasswordCredential, t.Account); err == nil && has {
		pass := frame("PASS :{{credential:" + serverPasswordCredential + "}}")
		pass.Fill = true
		t.Out.Frames = append(t.Out.Frames, pass)
	}
	t.say("CAP LS 302")
	t.say("NICK " + s.nick)
	t.say("USER " + userName(s.nick) + " 0 * :" + t.Settings.realName)
	t.Timer(aliveTimer, alivePause)
	t.status(wit.ConnectionStateConnecting, "")
}

// userName is a nick without what servers do not take in a user's name.
func userName(nick string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, nick)
	if name == "" {
		return "carapace"
	}
	return name[:min(len(name), 9)]
}

// hearCap goes on with the negotiation: `CAP nick LS * :list`, where the star says that more comes.
func hearCap(t *turn, l *line) {
	s := &t.State
	switch l.param(1) {
	case "LS":
		offered(t, l.param(-1))
		if s.phase == phaseRegistering && l.param(2) != "*" {
			request(t)
		}
	case "ACK":
		for name := range strings.FieldsSeq(l.param(-1)) {
			if !s.has(name) && len(name) < 64 && len(s.caps) < 32 && name[0] != '-' {
				s.caps = append(s.caps, name)
			}
		}
		if s.phase != phaseRegistering {
			return
		}
		if s.has("sasl") && t.Settings.account != "" {
			logIn(t)
			return
		}
		t.say("CAP END")
	case "NAK":
		if s.phase == phaseRegistering {
			withoutSASL(t)
		}
	case "DEL":
		gone := strings.Fields(l.param(-1))
		s.caps = slices.DeleteFunc(s.caps, func(name string) bool { return slices.Contains(gone, name) })
	}
}

// offered notes what the server has of what is wanted.
func offered(t *turn, list string) {
	for word := range strings.FieldsSeq(list) {
		name, value, _ := strings.Cut(word, "=")
		use := slices.Contains(wanted, name)
		if name == "sasl" && t.Settings.account != "" {
			t.State.logins = mechanisms(value)
			use = value == "" || len(t.State.logins) > 0
		}
		if use && !slices.Contains(t.State.offered, name) {
			t.State.offered = append(t.State.offered, name)
		}
	}
}

// request asks for all of it at once.
func request(t *turn) {
	s := &t.State
	if t.Settings.account != "" && !slices.Contains(s.offered, "sasl") {
		withoutSASL(t)
		return
	}
	if len(s.offered) == 0 {
		t.say("CAP END")
		return
	}
	t.say("CAP REQ :" + strings.Join(s.offered, " "))
}

// withoutSASL goes on where the bot logs in to no account. A password is not told to whoever calls himself NickServ.
func withoutSASL(t *turn) {
	if t.Settings.account != "" {
		t.giveUp(wit.ConnectionStateFailed, "the server has no login by SASL SCRAM or PLAIN: leave `account` empty, or choose another server", refusedPause)
		return
	}
	t.say("CAP END")
}

// hearNotLoggedIn: ERR_SASLFAIL and its kin.
func hearNotLoggedIn(t *turn, l *line) {
	if t.State.phase == phaseRegistering {
		t.giveUp(wit.ConnectionStateNeedsLogin,
			"the server does not take the password of "+t.Settings.account+": give it again with `carapace setup irc` ("+l.param(-1)+")", refusedPause)
	}
}

// hearWrongPassword: ERR_PASSWDMISMATCH.
func hearWrongPassword(t *turn, l *line) {
	t.giveUp(wit.ConnectionStateNeedsLogin, "the server wants another password of its own: give `serverPassword` with `carapace setup irc` ("+l.param(-1)+")", refusedPause)
}

// hearBanned: ERR_YOUREBANNEDCREEP.
func hearBanned(t *turn, l *line) {
	t.giveUp(wit.ConnectionStateFailed, "the server has banned the bot: ask its operators ("+l.param(-1)+")", refusedPause)
}

// hearError is the server's last word on a connection, which it closes.
func hearError(t *turn, l *line) {
	if t.Out.Status == nil {
		t.status(wit.ConnectionStateDisconnected, "the server has ended the connection: "+l.param(-1))
	}
}

// hearWelcome: RPL_WELCOME. The bot is in, under the name that the server says.
func hearWelcome(t *turn, l *line) {
	s := &t.State
	if s.phase != phaseRegistering {
		return
	}
	s.phase, s.nick = phaseIn, l.param(0)
	words := strings.Fields(l.param(-1))
	if len(words) > 0 { // `Welcome to the network nick!user@host`, on most
		if nick, host, ok := strings.Cut(words[len(words)-1], "!"); ok && nick == s.nick {
			s.host = host
		}
	}
	joinAll(t)
	if !s.remembers() {
		t.stopCatching()
	}
	missedFromPeople(t)
	wantNick(t)
	t.showPlace()
	if s.seen == 0 { // what is said from now on is asked for, should the bot miss it
		s.seen = t.timeOf(l)
		s.newest = s.seen
	}
}

// hearSupport: RPL_ISUPPORT.
func hearSupport(t *turn, l *line) {
	for _, token := range l.params[min(1, len(l.params)):] {
		name, value, _ := strings.Cut(token, "=")
		switch name {
		case "CASEMAPPING":
			t.State.asciiCase = value == "ascii"
		case "CHANTYPES":
			t.State.roomTypes = value[:min(len(value), 8)]
		}
	}
}
