package xmpp

import (
	"slices"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/channel/scram"
	"github.com/carapace-gateway/carapace/wit"
)

// hearFeatures takes the next step that a stream needs: encryption, then the login, then a resource or the stream of before.
func hearFeatures(t *turn, n *node) {
	s := &t.State
	if s.phase != phaseStream {
		return
	}
	s.offers.manage = n.kid("sm", nsManage) != nil
	switch {
	case !s.secured && n.kid("starttls", nsTLS) != nil:
		t.say(tag("starttls", "", "xmlns", nsTLS))
	case !s.secured && !t.Settings.unencrypted:
		t.giveUp(wit.ConnectionStateFailed, "the server has no encryption, and the password is not sent without: use tls:// in `server`, or set `unencrypted` for a server at home", account.RefusedRetry)
	case !s.loggedIn:
		logIn(t, n)
	case s.offers.manage && s.manage.id != "":
		t.say(tag("resume", "", "xmlns", nsManage, "previd", s.manage.id, "h", decimal(s.manage.in)))
	default:
		bind(t)
	}
}

// hearTLS goes on encrypted, when the server agrees (RFC 6120, 5.4.2).
func hearTLS(t *turn, n *node) {
	switch {
	case t.State.phase != phaseStream || t.State.secured:
	case n.name == "proceed":
		t.Out.Secure = append(t.Out.Secure, connection)
	default:
		t.giveUp(wit.ConnectionStateFailed, "the server refuses encryption", account.RefusedRetry)
	}
}

// logIn begins with SASL (RFC 6120, 6): by SCRAM where the server has it, else it says the password.
func logIn(t *turn, n *node) {
	var offered []string
	for _, m := range n.kid("mechanisms", nsSASL).all() {
		offered = append(offered, m.text)
	}
	if best := scram.Best(offered); best != "" {
		beginScram(t, best)
		return
	}
	if !slices.Contains(offered, "PLAIN") {
		t.giveUp(wit.ConnectionStateFailed, "the server has no login by SASL SCRAM or PLAIN: allow one, or choose another server", account.RefusedRetry)
		return
	}
	login := "\x00" + local(t.Settings.jid) + "\x00{{credential:" + passwordCredential + "}}" // RFC 4616
	t.flush()
	t.Out.Frames = append(t.Out.Frames,
		frame("<auth xmlns='"+nsSASL+"' mechanism='PLAIN'>"),
		wit.Frame{Connection: connection, Text: &login, Fill: true, Base64: true},
		frame("</auth>"))
}

// all are the elements inside, none of nil.
func (n *node) all() []*node {
	if n == nil {
		return nil
	}
	return n.kids
}

// hearLogin hears what comes of the login (RFC 6120, 6.4 and 6.5).
func hearLogin(t *turn, n *node) {
	if t.State.phase != phaseStream || t.State.loggedIn {
		return
	}
	switch n.name {
	case "challenge":
		hearChallenge(t, n)
	case "success":
		hearSuccess(t, n)
	case "failure":
		switch why := conditionOf(n); why {
		case "temporary-auth-failure":
			t.giveUp(wit.ConnectionStateDisconnected, "the server cannot log in anybody for the moment", account.SlowRetry)
		case "account-disabled", "credentials-expired":
			t.giveUp(wit.ConnectionStateNeedsLogin, "the server has locked "+t.Settings.jid+" ("+why+"): ask its operators", account.RefusedRetry)
		default:
			t.giveUp(wit.ConnectionStateNeedsLogin, "the server does not take the password of "+t.Settings.jid+" ("+why+"): give it again with `carapace setup xmpp`", account.RefusedRetry)
		}
	}
}

// ownResource names the bot's connection: one that the server still holds for broken is replaced by the next.
const ownResource = "carapace"

const bindID = "bind"

// bind asks for a resource (RFC 6120, 7).
func bind(t *turn) {
	t.ask("set", "", bindID, tag("bind", leaf("resource", ownResource), "xmlns", nsBind))
}

// hearBound: the bot has an address.
func hearBound(t *turn, n *node) {
	s := &t.State
	jid := n.kid("bind", nsBind).words("jid", nsBind)
	if n.get("type") != "result" || bare(jid) == "" || len(jid) > maxJID {
		t.giveUp(wit.ConnectionStateFailed, "the server gives no resource: "+conditionOf(n.kid("error", "")), account.SlowRetry)
		return
	}
	s.jid, s.manage = jid, manage{}
	if s.offers.manage {
		t.say(tag("enable", "", "xmlns", nsManage, "resume", "true"))
	}
	startSession(t)
}
