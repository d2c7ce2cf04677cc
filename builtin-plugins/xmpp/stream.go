package xmpp

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/channel/scram"
	"github.com/carapace-gateway/carapace/sdk/go/texts"
	"github.com/carapace-gateway/carapace/wit"
)

// passwordCredential is the name of the account's password.
const passwordCredential = "password"

const streamEnd = "</stream:stream>"

// connect opens the connection anew.
func connect(t *turn) {
	t.State.phase = phaseOff
	t.Timer(connectTimer, 0)
	if has, err := t.Host.HasCredential(passwordCredential, t.Account); err == nil && !has {
		t.status(wit.ConnectionStateNeedsLogin, "the account "+t.Settings.jid+" needs its password: give it with `carapace setup xmpp`")
		t.Timer(connectTimer, account.TokenRetry)
		return
	}
	transport, _, _ := strings.Cut(t.Settings.server, ":")
	t.Out.Open = append(t.Out.Open, wit.OpenConnection{
		Connection: connection, Transport: wit.Transport(transport), URL: t.Settings.server,
		Framing: wit.StreamFramingElements, MaxBytes: maxElement,
	})
	t.status(wit.ConnectionStateConnecting, "")
}

// begin begins on a connection that was opened, or goes on encrypted.
func begin(t *turn, opened *wit.Opened) {
	s := &t.State
	s.phase, s.loggedIn, s.scram, s.manage.on, s.offers = phaseStream, false, scram.Login{}, false, offers{}
	s.secured = opened != nil && opened.Secured
	s.heard, s.asked = t.Now, false
	s.session++
	header(t)
	t.Timer(aliveTimer, alivePause)
}

// header begins a stream (RFC 6120, 4.2). From whom it is, is told only under encryption.
func header(t *turn) {
	from := ""
	if t.State.secured {
		from = " from='" + escape(t.Settings.jid) + "'"
	}
	t.say("<?xml version='1.0'?><stream:stream to='" + escape(domain(t.Settings.jid)) + "'" + from +
		" version='1.0' xml:lang='en' xmlns='" + nsClient + "' xmlns:stream='" + nsStream + "'>")
}

// hearFrame handles one element. One that cannot be read is counted, and nothing comes of it.
func hearFrame(t *turn, f *wit.Frame) {
	s := &t.State
	text := string(f.Bytes)
	if f.Text != nil {
		text = *f.Text
	}
	if s.asked || t.Now-s.heard > heardEvery {
		s.asked, s.heard = false, t.Now
	}
	if strings.HasPrefix(text, "</") {
		t.say(streamEnd)
		return
	}
	n, open, err := parse(text)
	if err != nil {
		t.Host.Warn("xmpp: " + err.Error())
		if isStanza(text) {
			t.counted()
		}
		return
	}
	if !open {
		hear(t, n)
	}
}

// isStanza reports whether an element that cannot be read counts as one.
func isStanza(text string) bool {
	return strings.HasPrefix(text, "<message") || strings.HasPrefix(text, "<presence") || strings.HasPrefix(text, "<iq")
}

// hear handles an element of the stream.
func hear(t *turn, n *node) {
	switch {
	case n.space == nsClient && (n.name == "message" || n.name == "presence" || n.name == "iq"):
		if t.State.phase == phaseStream && n.name != "iq" {
			return // before the bot is there, nobody but the server has something to say
		}
		hearStanza(t, n)
		t.counted()
	case n.space == nsStream && n.name == "features":
		hearFeatures(t, n)
	case n.space == nsStream && n.name == "error":
		hearStreamError(t, n)
	case n.space == nsTLS:
		hearTLS(t, n)
	case n.space == nsSASL:
		hearLogin(t, n)
	case n.space == nsManage:
		hearManage(t, n)
	}
}

// conflictPause keeps two gateways with one account from throwing each other out all the time.
const conflictPause = 60_000

// hearStreamError is the server's last word on a stream (RFC 6120, 4.9).
func hearStreamError(t *turn, n *node) {
	condition := conditionOf(n)
	switch condition {
	case "conflict":
		t.State.manage = manage{}
		t.giveUp(wit.ConnectionStateFailed, "another program has logged in to "+t.Settings.jid+" as carapace: stop it, or give the bot an account of its own", conflictPause)
	case "host-unknown", "host-gone":
		t.giveUp(wit.ConnectionStateFailed, "the server does not know "+domain(t.Settings.jid)+": check `jid` and `server`", account.RefusedRetry)
	case "not-authorized", "policy-violation":
		t.giveUp(wit.ConnectionStateFailed, "the server has ended the stream: "+condition+" "+texts.Clip(n.words("text", ""), 200), account.SlowRetry)
	default:
		t.status(wit.ConnectionStateDisconnected, "the server has ended the stream: "+condition)
	}
}

// conditionOf is what an error says, by its defined condition.
func conditionOf(n *node) string {
	if n != nil {
		for _, k := range n.kids {
			if k.name != "text" {
				return k.name
			}
		}
	}
	return "undefined-condition"
}
