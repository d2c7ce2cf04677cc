package mqtttest

import (
	"slices"
	"strings"

	"github.com/mochi-mqtt/server/v2/packets"
)

// Reasons (2.4), and the codes of version 3.1.1 for a CONNACK.
const (
	badVersion     = 0x84
	badVersionOld  = 1
	badLogin       = 0x86
	badLoginOld    = 4
	notAuthorized  = 0x87
	packetTooLarge = 0x95
	takenOver      = 0x8e
	refusedOld     = 0x80
)

// handle handles a packet of a client that has not ended.
func (s *Server) handle(c *client, p *packets.Packet) {
	if c.ended {
		return
	}
	if (c.session == nil) != (p.FixedHeader.Type == packets.Connect) {
		s.end(c, true)
		return
	}
	switch p.FixedHeader.Type {
	case packets.Connect:
		s.connect(c, p)
	case packets.Publish:
		s.publish(c, p)
	case packets.Puback, packets.Pubcomp:
		s.acknowledged(c, p.PacketID)
	case packets.Pubrec:
		s.received(c, p.PacketID)
	case packets.Pubrel:
		delete(c.session.got, p.PacketID)
		c.write(&packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Pubcomp}, PacketID: p.PacketID}, 0)
	case packets.Subscribe:
		s.subscribe(c, p)
	case packets.Unsubscribe:
		codes := make([]byte, len(p.Filters))
		for _, f := range p.Filters {
			delete(c.session.filters, f.Filter)
		}
		c.write(&packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Unsuback}, PacketID: p.PacketID, ReasonCodes: codes}, 0)
	case packets.Pingreq:
		if !s.faults.silent {
			c.write(&packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Pingresp}}, s.faults.late)
		}
	case packets.Disconnect:
		s.end(c, false)
	default:
		s.end(c, true)
	}
}

// connect lets a client in, or says why not.
func (s *Server) connect(c *client, p *packets.Packet) {
	c.version, c.id = p.ProtocolVersion, p.Connect.ClientIdentifier
	if code, ok := s.refuses(p); ok {
		if !s.config.Mute {
			c.version = min(c.version, 4+code>>7) // who is refused by a code of version 3.1.1 is told in that
			c.write(&packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Connack}, ReasonCode: code}, 0)
		}
		s.end(c, false)
		return
	}
	to := s.sessions[c.id]
	present := to != nil && !p.Connect.Clean
	if to != nil && to.client != nil {
		other := to.client
		if other.version == 5 {
			other.write(&packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Disconnect}, ReasonCode: takenOver}, 0)
		}
		s.end(other, true)
	}
	if !present {
		to = &session{filters: map[string]packets.Subscription{}, got: map[uint16]bool{}}
		s.sessions[c.id] = to
	}
	s.sessions[c.id] = to // a session that its client alone has kept ended with it
	to.client, c.session = c, to
	to.kept = c.version < 5 && !p.Connect.Clean || p.Properties.SessionExpiryInterval > 0
	c.window, c.most = window, p.Properties.MaximumPacketSize
	if n := p.Properties.ReceiveMaximum; n > 0 {
		c.window = int(n)
	}
	if p.Connect.WillFlag {
		c.will = &Message{From: c.id, Topic: p.Connect.WillTopic, Payload: p.Connect.WillPayload, Retain: p.Connect.WillRetain, QoS: p.Connect.WillQos}
	}
	if len(s.config.Users) > 0 {
		s.logins++
	}
	answer := packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Connack}, SessionPresent: present}
	answer.Properties.MaximumPacketSize = s.config.MaxPacket
	if s.config.OnlyQoS1 {
		answer.Properties.MaximumQos, answer.Properties.MaximumQosFlag = 1, true
	}
	c.write(&answer, 0)
	s.flow(to, true)
}

// refuses says why a client is not let in.
func (s *Server) refuses(p *packets.Packet) (code byte, yes bool) {
	five := p.ProtocolVersion == 5
	if five && s.config.Old {
		return badVersionOld, true
	}
	if p.ProtocolVersion < 4 {
		return badVersionOld, true
	}
	if len(s.config.Users) == 0 {
		return 0, false
	}
	password, known := s.config.Users[string(p.Connect.Username)]
	if known && password == string(p.Connect.Password) {
		return 0, false
	}
	if five {
		return badLogin, true
	}
	return badLoginOld, true
}

// publish takes a message of a client's.
func (s *Server) publish(c *client, p *packets.Packet) {
	f := &s.faults
	if f.before > 0 {
		f.before--
		s.end(c, true)
		return
	}
	size := uint32(p.FixedHeader.Remaining)
	if s.config.MaxPacket > 0 && size > s.config.MaxPacket {
		if c.version == 5 {
			c.write(&packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Disconnect}, ReasonCode: packetTooLarge}, 0)
		}
		s.end(c, true)
		return
	}
	if p.FixedHeader.Qos > s.config.most() {
		s.end(c, true)
		return
	}
	twice := p.FixedHeader.Qos == 2
	refused := slices.ContainsFunc(s.config.Unwritable, func(filter string) bool { return Matches(filter, p.TopicName) })
	if !refused && !(twice && c.session.got[p.PacketID]) {
		if twice {
			c.session.got[p.PacketID] = true
		}
		m := Message{From: c.id, Topic: p.TopicName, Payload: slices.Clone(p.Payload), Type: p.Properties.ContentType, Packet: p.PacketID,
			Dup: p.FixedHeader.Dup, Retain: p.FixedHeader.Retain, QoS: p.FixedHeader.Qos}
		s.published = append(s.published, m)
		s.deliver(m)
		if s.onTaken != nil {
			s.onTaken()
		}
	}
	switch {
	case f.after > 0:
		f.after--
		s.end(c, true)
	case p.FixedHeader.Qos > 0:
		answer := packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Puback}, PacketID: p.PacketID}
		if twice {
			answer.FixedHeader.Type = packets.Pubrec
		}
		if refused && c.version == 5 { // version 3.1.1 has no way to say it (3.3.5)
			answer.ReasonCode = notAuthorized
		}
		if f.hold {
			f.held = append(f.held, held{c, answer})
			return
		}
		c.write(&answer, f.late)
	}
}

// received takes a PUBREC: the message is not sent again, and its id is kept until the client says that it is free.
func (s *Server) received(c *client, id uint16) {
	if s.faults.unheard > 0 {
		s.faults.unheard--
		s.end(c, true)
		return
	}
	for _, d := range c.session.queue {
		if d.id == id {
			d.released = true
		}
	}
	c.write(&packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Pubrel}, PacketID: id}, 0)
}

// acknowledged takes a PUBACK or a PUBCOMP.
func (s *Server) acknowledged(c *client, id uint16) {
	if s.faults.unheard > 0 {
		s.faults.unheard--
		s.end(c, true)
		return
	}
	to := c.session
	to.queue = slices.DeleteFunc(to.queue, func(d *delivery) bool { return d.id == id })
	s.flow(to, false)
}

// subscribe gives a client what it may read (3.8.4).
func (s *Server) subscribe(c *client, p *packets.Packet) {
	answer := packets.Packet{FixedHeader: packets.FixedHeader{Type: packets.Suback}, PacketID: p.PacketID}
	var kept []*delivery
	for _, sub := range p.Filters {
		if slices.Contains(s.config.Unreadable, sub.Filter) {
			code := byte(notAuthorized)
			if c.version < 5 {
				code = refusedOld
			}
			answer.ReasonCodes = append(answer.ReasonCodes, code)
			continue
		}
		answer.ReasonCodes = append(answer.ReasonCodes, min(sub.Qos, s.config.most()))
		_, had := c.session.filters[sub.Filter]
		c.session.filters[sub.Filter] = sub
		if sub.RetainHandling == 2 || sub.RetainHandling == 1 && had {
			continue
		}
		for topic, m := range s.retained {
			if Matches(sub.Filter, topic) {
				m.Dup = false
				kept = append(kept, &delivery{message: m, kept: true, qos: max(min(sub.Qos, s.config.most()), 1)})
			}
		}
	}
	c.write(&answer, 0)
	c.session.queue = append(c.session.queue, kept...)
	s.flow(c.session, false)
}

// Matches reports whether a filter is one of a topic's (4.7).
func Matches(filter, topic string) bool {
	if strings.HasPrefix(topic, "$") != strings.HasPrefix(filter, "$") {
		return false
	}
	levels := strings.Split(topic, "/")
	for want := range strings.SplitSeq(filter, "/") {
		if want == "#" {
			return true
		}
		if len(levels) == 0 || want != "+" && want != levels[0] {
			return false
		}
		levels = levels[1:]
	}
	return len(levels) == 0
}
