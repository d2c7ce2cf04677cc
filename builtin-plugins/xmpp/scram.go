package xmpp

import (
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/channel/scram"
	"github.com/carapace-gateway/carapace/wit"
)

// user is who logs in.
func (t *turn) user() scram.User {
	return scram.User{Name: local(t.Settings.jid), Password: passwordCredential}
}

// beginScram says the first message of a login by SCRAM.
func beginScram(t *turn, mechanism string) {
	l, first, err := scram.Begin(t.Host, t.user(), mechanism)
	if err != nil {
		t.refused(err)
		return
	}
	t.State.scram = l
	t.say(tag("auth", first, "xmlns", nsSASL, "mechanism", mechanism))
}

// hearChallenge answers one. The server's last word comes in one too, or with its success (RFC 6120, 6.3.10).
func hearChallenge(t *turn, n *node) {
	answer, err := t.State.scram.Hear(t.Host, t.user(), n.text)
	if err != nil {
		t.refused(err)
		return
	}
	t.say(tag("response", answer, "xmlns", nsSASL))
}

// hearSuccess goes on where the bot is logged in: by SCRAM, when the server has proved that it knows the password too.
func hearSuccess(t *turn, n *node) {
	s := &t.State
	if l := &s.scram; l.Mechanism != "" && !l.Proved() {
		if _, err := l.Hear(t.Host, t.user(), n.text); err != nil {
			t.refused(err)
			return
		}
		if !l.Proved() {
			t.refused(wit.NewError(wit.CodeUnauthorized, "the server has not asked for the password"))
			return
		}
	}
	s.loggedIn, s.scram = true, scram.Login{}
	header(t)
}

// refused gives up a login that the kernel does not go on with.
func (t *turn) refused(err error) {
	e, state := wit.AsError(err), wit.ConnectionStateFailed
	if e.Code == wit.CodeUnauthorized {
		state = wit.ConnectionStateNeedsLogin
	}
	t.giveUp(state, "the login as "+t.Settings.jid+" fails: "+e.Message, account.RefusedRetry)
}
