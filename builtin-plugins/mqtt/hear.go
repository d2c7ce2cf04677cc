package mqtt

import (
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

// hearing are the handlers of packets, by type.
var hearing = [...]func(*turn, byte, *reader){
	typeConnack:    hearConnack,
	typePublish:    hearPublish,
	typePuback:     hearPuback,
	typePubrec:     hearPubrec,
	typePubrel:     hearPubrel,
	typePubcomp:    hearPubcomp,
	typeSuback:     hearSuback,
	typePingresp:   hearPong,
	typeDisconnect: hearDisconnect,
	15:             nil,
}

// hear handles one packet.
func hear(t *turn, f *wit.Frame) {
	first, r := open(f.Bytes)
	if handle := hearing[first>>4]; handle != nil && t.State.phase != phaseOff {
		handle(t, first, r)
	}
}

// hearPublish takes what was published on a topic that is read. What is no message is acknowledged too: it would come again.
func hearPublish(t *turn, first byte, r *reader) {
	s := &t.State
	qos := first & (flagQoS1 | flagQoS2)
	if s.phase != phaseIn || qos == flagQoS1|flagQoS2 {
		t.giveUp(wit.ConnectionStateFailed, "the server sends with a quality of service that there is not", account.RefusedRetry)
		return
	}
	topic, id := r.words(), uint16(0)
	if qos != 0 {
		id = r.two()
	}
	var p properties
	if !s.old {
		p = r.properties()
	}
	if r.bad {
		t.giveUp(wit.ConnectionStateFailed, "the server sends what is no packet of MQTT", account.RefusedRetry)
		return
	}
	if qos == flagQoS2 && !t.receives(id) {
		return
	}
	came := publication{topic: topic, payload: r.data, kind: p.contentType, text: p.text, kept: first&flagRetain != 0}
	if m := t.message(&came); m != nil {
		if t.isNew(&came, m, first, id) {
			t.Out.Messages = append(t.Out.Messages, *m)
		}
	}
	if qos == flagQoS1 {
		t.say(reply(typePuback, id))
		if len(s.unacked) > 0 {
			ping(t)
		}
	}
}

// isNew reports whether a message has not been told yet, and names it if it does not say its own id. A repetition has DUP set
// (3.3.1.1), and the id of the packet that it repeats; packets' ids are used again for other messages, which differ in what they say.
func (t *turn) isNew(came *publication, m *wit.Message, first byte, packet uint16) bool {
	s := &t.State
	if m.ID != "" {
		return true // the inbox knows it
	}
	digest := hashed(came.topic, string(came.payload))
	if came.kept { // as often as it is asked for
		m.ID = "kept-" + number(digest)
		return true
	}
	again := first&flagQoS1 != 0 && first&flagDup != 0 && s.knows(packet, digest)
	if !again {
		s.count++
		m.ID = number(uint64(s.epoch)) + "-" + number(uint64(s.count))
	}
	if first&flagQoS1 != 0 {
		s.remember(packet, digest)
	}
	return !again
}

// hearPuback: the server has taken what was published, or says why not (3.4.2.1).
func hearPuback(t *turn, _ byte, r *reader) {
	if _, c := t.confirmed(r); c != nil {
		t.Out.Confirmed = append(t.Out.Confirmed, *c)
	}
}

// confirmed reads what the server says of what was published, nil of what is no send's. In version 3.1.1 it says nothing.
func (t *turn) confirmed(r *reader) (id uint16, c *wit.Confirmation) {
	id, code, why := r.two(), byte(0), ""
	if r.bad || id < firstSendPacket {
		return id, nil
	}
	if len(r.data) > 0 {
		code = r.one()
	}
	if len(r.data) > 0 {
		why = r.properties().reason
	}
	c = &wit.Confirmation{Token: token(id)}
	if code >= 0x80 {
		c.Error = unpublished(code, why)
	}
	return id, c
}

// unpublished is the error of a reason for which the server has not taken a message.
func unpublished(code byte, why string) *wit.Error {
	e := wit.NewError(wit.CodeInvalid, "the server has not taken it"+saying(code, why))
	switch code {
	case 0x87:
		e = wit.NewError(wit.CodeForbidden, "the user may not publish there: have the server allow it"+saying(code, why))
	case 0x90:
		e = wit.NewError(wit.CodeInvalid, "the server does not take such a topic"+saying(code, why))
	case 0x97:
		e = wit.NewError(wit.CodeRateLimited, "the server's quota is used up"+saying(code, why))
		e.Retryable, e.RetryAfter = true, new(int64(quotaPause))
	case 0x91, 0x83, 0x80:
		e = wit.NewError(wit.CodeUnavailable, "the server has not taken it now"+saying(code, why))
		e.Retryable = true
	}
	return e
}

// quotaPause is in milliseconds how long a server is left alone whose quota is used up, which does not say so itself.
const quotaPause = 30_000
