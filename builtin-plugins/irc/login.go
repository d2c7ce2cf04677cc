package irc

import (
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/scram"
	"github.com/carapace-gateway/carapace/wit"
)

// One message of a login has so many bytes in base64, and goes on in the next where it has all of them ("SASL authentication").
const (
	pieceBytes = 400
	maxSaid    = 10 * pieceBytes
)

// mechanisms are those of SASL's that a server lists and the bot knows.
func mechanisms(list string) (known []string) {
	offered := strings.Split(list, ",")
	if best := scram.Best(offered); best != "" {
		known = append(known, best)
	}
	if slices.Contains(offered, "PLAIN") {
		known = append(known, "PLAIN")
	}
	return known
}

// logIn chooses how: by SCRAM where the server says that it has it, else by saying the password.
func logIn(t *turn) {
	if best := scram.Best(t.State.logins); best != "" {
		t.State.scram.Mechanism = best
		t.say("AUTHENTICATE " + best)
		return
	}
	t.say("AUTHENTICATE PLAIN")
}

// hearAuthenticate goes on with the login when the server says so.
func hearAuthenticate(t *turn, l *line) {
	s := &t.State
	if s.phase != phaseRegistering || l.param(0) == "" {
		return
	}
	switch piece := l.param(0); {
	case s.scram.Mechanism == "" && piece == "+":
		sayPassword(t)
	case s.scram.Mechanism == "":
	case len(s.said)+len(piece) > maxSaid:
		t.refused(wit.NewError(wit.CodeTooLarge, "the server says too much"))
	case len(piece) == pieceBytes:
		s.said += piece
	default:
		said := s.said
		if piece != "+" { // which is nothing
			said += piece
		}
		s.said = ""
		hearScram(t, said)
	}
}

// sayPassword is SASL PLAIN (RFC 4616).
func sayPassword(t *turn) {
	account := t.Settings.account
	login := account + "\x00" + account + "\x00{{credential:" + passwordCredential + "}}"
	t.Out.Frames = append(t.Out.Frames,
		wit.Frame{Connection: connection, Bytes: []byte("AUTHENTICATE ")},
		wit.Frame{Connection: connection, Text: &login, Fill: true, Base64: true})
}

// hearScram says the next message of a login by SCRAM (RFC 7677), whose first one the server asks for with nothing.
func hearScram(t *turn, said string) {
	user := scram.User{Name: t.Settings.account, Password: passwordCredential}
	var answer string
	var err error
	if said == "" {
		t.State.scram, answer, err = scram.Begin(t.Host, user, t.State.scram.Mechanism)
	} else {
		answer, err = t.State.scram.Hear(t.Host, user, said)
	}
	if err != nil {
		t.refused(err)
		return
	}
	for len(answer) >= pieceBytes {
		t.say("AUTHENTICATE " + answer[:pieceBytes])
		answer = answer[pieceBytes:]
	}
	if answer == "" {
		answer = "+"
	}
	t.say("AUTHENTICATE " + answer)
}

// hearLoggedIn ends the negotiation: RPL_SASLSUCCESS. A login by SCRAM succeeds when the server has proved that it knows the password.
func hearLoggedIn(t *turn, _ *line) {
	s := &t.State
	switch {
	case s.phase != phaseRegistering:
	case s.scram.Mechanism != "" && !s.scram.Proved():
		t.refused(wit.NewError(wit.CodeUnauthorized, "the server does not prove that it knows the password"))
	default:
		s.scram = scram.Login{}
		t.say("CAP END")
	}
}

// refused gives up a login that the kernel does not go on with.
func (t *turn) refused(err error) {
	e, state := wit.AsError(err), wit.ConnectionStateFailed
	if e.Code == wit.CodeUnauthorized {
		state = wit.ConnectionStateNeedsLogin
	}
	t.giveUp(state, "the login to "+t.Settings.account+" fails: "+e.Message, refusedPause)
}
