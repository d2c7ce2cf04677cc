package mqtt

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

// passwordCredential is the name of the credential.
const passwordCredential = "password"

// Flags of a CONNECT (3.1.2.3). The one for a clean start is not set.
const (
	withWill     = 0x04
	withWillQoS1 = 0x08
	withWillKept = 0x20
	withPassword = 0x40
	withUser     = 0x80
)

const (
	// maxPacket is the longest packet that is read: what the contract has for one.
	maxPacket = wit.OpenConnectionMaxBytesMax
	// receiveMaximum is how many messages the server sends ahead of their acknowledgement.
	receiveMaximum = 100
	// sessionSeconds is how long the server keeps what comes while the gateway is off, in version 5: thirty days.
	sessionSeconds = 30 * 24 * 60 * 60
	// maxSilent is after how many connections that end without a word the other version is tried.
	maxSilent = 3
)

// packetLength is where MQTT has the length of a packet: behind its first byte.
var packetLength = wit.LengthPrefix{Offset: 1, Form: wit.LengthFormVarint}

// connect opens the connection anew.
func connect(t *turn) {
	t.State.phase = phaseOff
	t.Timer(connectTimer, 0)
	if problem := t.Settings.problem(); problem != "" {
		t.off()
		t.status(wit.ConnectionStateFailed, problem)
		return
	}
	if t.Settings.user != "" {
		if has, err := t.Host.HasCredential(passwordCredential, t.Account); err == nil && !has {
			t.status(wit.ConnectionStateNeedsLogin, "the user "+t.Settings.user+" needs a password: give it with `carapace setup mqtt`")
			t.Timer(connectTimer, account.TokenRetry)
			return
		}
	}
	transport, _, _ := strings.Cut(t.Settings.server, ":")
	t.Out.Open = append(t.Out.Open, wit.OpenConnection{
		Connection: connection, Transport: wit.Transport(transport), URL: t.Settings.server,
		Framing: wit.StreamFramingPackets, Length: &packetLength, MaxBytes: maxPacket,
	})
	t.status(wit.ConnectionStateConnecting, "")
}

// problem is what is wrong with the settings, for the owner.
func (s *settings) problem() string {
	for _, pattern := range s.patterns {
		if !validPattern(pattern) {
			return "`topics` has " + pattern + ": a level is a word, +, {conversation} or {sender}, each of these once, and the last one may be #"
		}
	}
	if s.presence != "" && s.reads(s.presence) {
		return "`presenceTopic` is a topic that `topics` reads: choose another one"
	}
	return ""
}

// login says who the client is, on a connection that was opened. Where there is a password, the kernel puts it into the packet.
func login(t *turn) {
	s := &t.State
	s.phase, s.pinged, s.behind, s.asked = phaseConnecting, 0, 0, nil
	s.keepAlive, s.maxPacket, s.atOnce, s.twice = 0, 0, 0, t.Settings.twice
	if v := t.Settings.version; v != "" {
		s.old = v == oldVersion
	}
	flags, level := byte(0), byte(5)
	if s.old {
		level = 4
	}
	payload := words(t.Settings.client)
	if topic := t.Settings.presence; topic != "" {
		flags |= withWill | withWillQoS1 | withWillKept
		payload = append(payload, t.only5([]byte{0})...)
		payload = append(append(payload, words(topic)...), words(offline)...)
	}
	has, err := t.Host.HasCredential(passwordCredential, t.Account)
	has = has && err == nil
	if t.Settings.user != "" || has && s.old { // version 3.1.1 has no password without a user
		flags |= withUser
		payload = append(payload, words(t.Settings.user)...)
	}
	if has {
		flags |= withPassword
	}
	head := append(words("MQTT"), level, flags)
	head = append(head, two(uint16(t.Settings.keepAlive))...)
	head = append(head, t.only5(sized(property(propertyExpiry, four(sessionSeconds)), property(propertyReceiveMax, two(receiveMaximum)),
		property(propertyMaxPacket, four(maxPacket))))...)
	parts := []wit.FramePart{
		{Bytes: []byte{typeConnect << 4}}, {Length: &wit.LengthPrefix{Form: wit.LengthFormVarint}}, {Bytes: append(head, payload...)},
	}
	if has {
		placeholder := "{{credential:" + passwordCredential + "}}"
		parts = append(parts, wit.FramePart{Length: &wit.LengthPrefix{Form: wit.LengthFormTwoBytes}}, wit.FramePart{Text: &placeholder, Fill: true})
	}
	t.Out.Frames = append(t.Out.Frames, wit.Frame{Connection: connection, Parts: parts})
	t.Timer(aliveTimer, t.half())
	t.status(wit.ConnectionStateConnecting, "")
}

// lost notes the end of the connection: sends wait until there is another. A server that ends connections without a word may not
// know the version.
func lost(t *turn) {
	s := &t.State
	if s.phase == phaseConnecting {
		if s.silent++; s.silent >= maxSilent {
			s.silent, s.old = 0, !s.old
		}
	}
	s.phase = phaseOff
}

// hearConnack: the server lets the client in, or says why not.
func hearConnack(t *turn, _ byte, r *reader) {
	s := &t.State
	present, code := r.one()&1 == 1, r.one()
	if s.phase != phaseConnecting {
		return
	}
	s.silent = 0
	if r.bad || code != 0 {
		notLetIn(t, code, r)
		return
	}
	if !s.old {
		p := r.properties()
		s.keepAlive, s.maxPacket, s.atOnce = p.keepAlive, p.maxPacket, p.atOnce
		s.twice = s.twice && !p.onlyQoS1
	}
	if s.phase = phaseIn; !present {
		s.subscribed, s.unacked, s.held, s.taken = nil, nil, nil, nil // nothing of another session comes again
	}
	t.release()
	s.before = s.acks
	t.Timer(aliveTimer, t.half())
	t.present()
	subscribe(t)
	t.showPlace()
}

// notLetIn tells why the server does not let the client in. One that does not know the version may know the other one.
func notLetIn(t *turn, code byte, r *reader) {
	s := &t.State
	if code == 1 || code == 0x84 {
		s.old = !s.old
		switch {
		case t.Settings.version != "":
			t.giveUp(wit.ConnectionStateFailed, "the server does not speak version "+t.Settings.version+" of MQTT: leave `version` empty", account.RefusedRetry)
		case s.old:
			connect(t)
		default:
			t.giveUp(wit.ConnectionStateFailed, "the server speaks neither version 5 nor 3.1.1 of MQTT", account.RefusedRetry)
		}
		return
	}
	why := ""
	if !s.old {
		why = r.properties().reason
	}
	refusal, known := refusals[code]
	if !known {
		refusal.state, refusal.hint = wit.ConnectionStateDisconnected, "the server does not let the client in"
	}
	message := refusal.hint + saying(code, why)
	if refusal.state == wit.ConnectionStateDisconnected { // the kernel opens the connection again
		s.phase = phaseOff
		t.status(refusal.state, message)
		return
	}
	t.giveUp(refusal.state, message, account.RefusedRetry)
}

// notTaken is all that some servers say of a wrong password.
const notTaken = "the server does not take the user and the password, or not this client: give them again with `carapace setup mqtt`"

// refusals are what codes of a CONNACK mean (3.2.2.2; below 0x80 "MQTT Version 3.1.1", 3.2.2.3).
var refusals = map[byte]struct {
	state wit.ConnectionState
	hint  string
}{
	2:    {wit.ConnectionStateFailed, "the server does not take the client's id: choose another `clientId`"},
	3:    {wit.ConnectionStateDisconnected, "the server is not available now"},
	4:    {wit.ConnectionStateNeedsLogin, notTaken},
	5:    {wit.ConnectionStateNeedsLogin, notTaken},
	0x85: {wit.ConnectionStateFailed, "the server does not take the client's id: choose another `clientId`"},
	0x86: {wit.ConnectionStateNeedsLogin, notTaken},
	0x87: {wit.ConnectionStateNeedsLogin, notTaken},
	0x88: {wit.ConnectionStateDisconnected, "the server is not available now"},
	0x89: {wit.ConnectionStateDisconnected, "the server has too much to do now"},
	0x8a: {wit.ConnectionStateFailed, "the server has banned the client: ask who runs it"},
	0x8c: {wit.ConnectionStateFailed, "the server wants another kind of login than user and password"},
	0x90: {wit.ConnectionStateFailed, "the server does not take `presenceTopic`: choose another one, or leave it empty"},
	0x97: {wit.ConnectionStateFailed, "the server's quota is used up: ask who runs it"},
	0x9a: {wit.ConnectionStateFailed, "the server keeps no messages, and `presenceTopic` asks for it: leave that empty"},
	0x9c: {wit.ConnectionStateFailed, "the server has moved for now: put the address that it says into `server`"},
	0x9d: {wit.ConnectionStateFailed, "the server has moved: put the address that it says into `server`"},
	0x9f: {wit.ConnectionStateDisconnected, "the server wants fewer connections"},
}

// saying is what stands behind a hint: the server's words, else the code.
func saying(code byte, why string) string {
	if why == "" {
		why = "code " + number10(int(code))
	}
	return " (" + strings.ToValidUTF8(why[:min(len(why), 200)], "") + ")"
}

// hearDisconnect: a server of version 5 says why it ends the connection.
func hearDisconnect(t *turn, _ byte, r *reader) {
	code, why := byte(0), ""
	if len(r.data) > 0 {
		code = r.one()
	}
	if len(r.data) > 0 {
		why = r.properties().reason
	}
	t.State.phase = phaseOff
	message := "the server has ended the connection"
	if code == 0x8e { // session taken over
		message = "another client came with the same `clientId`: give each its own"
	}
	t.status(wit.ConnectionStateDisconnected, message+saying(code, why))
}
