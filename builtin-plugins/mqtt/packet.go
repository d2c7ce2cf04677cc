package mqtt

import (
	"encoding/binary"
	"strings"
	"unicode/utf8"
)

// The types of packets (2.1.2): the upper half of the first byte.
const (
	typeConnect = iota + 1
	typeConnack
	typePublish
	typePuback
	typePubrec
	typePubrel
	typePubcomp
	typeSubscribe
	typeSuback
	typeUnsubscribe
	_
	typePingreq
	typePingresp
	typeDisconnect
)

// Flags of a PUBLISH (3.3.1).
const (
	flagRetain = 1
	flagQoS1   = 2
	flagQoS2   = 4
	flagDup    = 8
)

// Properties (2.2.2.2) that are written or read.
const (
	propertyFormat       = 0x01
	propertyContentType  = 0x03
	propertyExpiry       = 0x11
	propertyKeepAlive    = 0x13
	propertyReason       = 0x1f
	propertyReceiveMax   = 0x21
	propertyMaxPacket    = 0x27
	propertyUser         = 0x26
	propertyMaxQoS       = 0x24
	propertySubscription = 0x0b
)

// packet is one with its length, which has seven bits in each byte.
func packet(first byte, parts ...[]byte) []byte {
	return append([]byte{first}, sized(parts...)...)
}

// sized is some bytes behind their length in steps of seven bits, as packets and their properties have it.
func sized(parts ...[]byte) []byte {
	length := 0
	for _, part := range parts {
		length += len(part)
	}
	out := binary.AppendUvarint(nil, uint64(length))
	for _, part := range parts {
		out = append(out, part...)
	}
	return out
}

func two(n uint16) []byte { return binary.BigEndian.AppendUint16(nil, n) }

func four(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

// words is a text behind its length in two bytes. One that is longer than that can say is cut; none of those that are written is.
func words(s string) []byte {
	s = s[:min(len(s), 1<<16-1)]
	return append(two(uint16(len(s))), s...)
}

// property is one that is written.
func property(id byte, value []byte) []byte { return append([]byte{id}, value...) }

// reader takes a packet apart. What is not there is empty, and makes it bad.
type reader struct {
	data []byte
	bad  bool
}

// open returns the first byte of a packet, which is whole, and the rest behind its length. The kernel has cut the packet by that
// length; what it has removed from it since, such as a credential, the length still counts.
func open(data []byte) (first byte, r *reader) {
	if len(data) < 2 {
		return 0, &reader{bad: true}
	}
	_, n := binary.Uvarint(data[1:])
	if n <= 0 {
		return 0, &reader{bad: true}
	}
	return data[0], &reader{data: data[1+n:]}
}

func (r *reader) take(n int) []byte {
	if n > len(r.data) {
		r.bad, r.data = true, nil
		return make([]byte, min(n, 8))
	}
	took := r.data[:n]
	r.data = r.data[n:]
	return took
}

func (r *reader) one() byte { return r.take(1)[0] }

func (r *reader) two() uint16 { return binary.BigEndian.Uint16(r.take(2)) }

func (r *reader) four() uint32 { return binary.BigEndian.Uint32(r.take(4)) }

func (r *reader) varint() int {
	n, size := binary.Uvarint(r.data)
	if size <= 0 || size > 4 {
		r.bad, r.data = true, nil
		return 0
	}
	r.data = r.data[size:]
	return int(n)
}

// words reads a text, which is UTF-8 without NUL (1.5.4).
func (r *reader) words() string {
	s := string(r.take(int(r.two())))
	if !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 {
		r.bad = true
	}
	return s
}

// properties are those of a packet that count here.
type properties struct {
	reason, contentType  string
	keepAlive, maxPacket int64
	atOnce               int64 // messages that may be published ahead of their acknowledgement
	text                 bool  // the payload says that it is UTF-8
	onlyQoS1             bool  // the server takes no more
}

// properties reads those of a packet of version 5.
func (r *reader) properties() (p properties) {
	in := &reader{data: r.take(r.varint())}
	for len(in.data) > 0 && !in.bad {
		switch id := in.one(); id {
		case propertyReason:
			p.reason = in.words()
		case propertyContentType:
			p.contentType = in.words()
		case propertyKeepAlive:
			p.keepAlive = int64(in.two())
		case propertyMaxPacket:
			p.maxPacket = int64(in.four())
		case propertyReceiveMax:
			p.atOnce = int64(in.two())
		case propertyFormat:
			p.text = in.one() == 1
		case propertyMaxQoS:
			p.onlyQoS1 = in.one() < 2
		default:
			in.pass(id)
		}
	}
	r.bad = r.bad || in.bad
	return p
}

// pass passes over the value of a property (table 2-4).
func (r *reader) pass(id byte) {
	switch id {
	case 0x17, 0x19, 0x25, 0x28, 0x29, 0x2a:
		r.one()
	case 0x22, 0x23:
		r.two()
	case 0x02, propertyExpiry, 0x18:
		r.four()
	case propertySubscription:
		r.varint()
	case 0x08, 0x09, 0x12, 0x15, 0x16, 0x1a, 0x1c:
		r.take(int(r.two()))
	case propertyUser:
		r.take(int(r.two()))
		r.take(int(r.two()))
	default:
		r.bad = true
	}
}
