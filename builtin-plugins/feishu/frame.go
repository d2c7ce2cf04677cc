package feishu

import (
	"encoding/binary"
	"errors"
)

// packet is a frame of the connection, in Protocol Buffers: the message Frame of the platform's own client libraries (pbbp2).
//
//	1 SeqID  2 LogID  3 service  4 method (0 control, 1 data)  5 headers {1 key, 2 value}
//	6 payload_encoding  7 payload_type  8 payload  9 LogIDNew
//
// What is answered is the packet that came, with another payload; so it is kept as it came, but for what is read of it.
type packet struct {
	numbers [5]uint64 // by field, the first one is not used
	headers []header
	texts   [10][]byte // by field, those from 6 on
}

type header struct{ key, value string }

// Fields of a packet, and the values of its method.
const (
	fieldService = 3
	fieldMethod  = 4
	fieldHeader  = 5
	fieldPayload = 8

	methodControl = 0
	methodData    = 1
)

// Wire types of Protocol Buffers.
const (
	wireVarint = 0
	wireFixed8 = 1
	wireBytes  = 2
	wireFixed4 = 5
)

var errPacket = errors.New("no packet of Feishu's")

// field takes one field off b.
func field(b []byte) (number, wire int, value uint64, data, rest []byte, err error) {
	key, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, 0, 0, nil, nil, errPacket
	}
	number, wire, b = int(key>>3), int(key&7), b[n:]
	switch wire {
	case wireVarint:
		if value, n = binary.Uvarint(b); n <= 0 {
			return 0, 0, 0, nil, nil, errPacket
		}
		return number, wire, value, nil, b[n:], nil
	case wireBytes:
		size, n := binary.Uvarint(b)
		if n <= 0 || size > uint64(len(b)-n) {
			return 0, 0, 0, nil, nil, errPacket
		}
		b = b[n:]
		return number, wire, 0, b[:size], b[size:], nil
	case wireFixed8, wireFixed4:
		size := map[int]int{wireFixed8: 8, wireFixed4: 4}[wire]
		if len(b) < size {
			return 0, 0, 0, nil, nil, errPacket
		}
		return number, wire, 0, nil, b[size:], nil
	}
	return 0, 0, 0, nil, nil, errPacket
}

// readPacket reads one. Fields that are not known are passed over.
func readPacket(b []byte) (p packet, err error) {
	for len(b) > 0 {
		number, wire, value, data, rest, err := field(b)
		if err != nil {
			return p, err
		}
		b = rest
		switch {
		case wire == wireVarint && number > 0 && number < len(p.numbers):
			p.numbers[number] = value
		case wire == wireBytes && number == fieldHeader:
			h, err := readHeader(data)
			if err != nil {
				return p, err
			}
			p.headers = append(p.headers, h)
		case wire == wireBytes && number > fieldHeader && number < len(p.texts):
			p.texts[number] = data
		}
	}
	return p, nil
}

func readHeader(b []byte) (h header, err error) {
	for len(b) > 0 {
		number, _, _, data, rest, err := field(b)
		if err != nil {
			return h, err
		}
		switch b = rest; number {
		case 1:
			h.key = string(data)
		case 2:
			h.value = string(data)
		}
	}
	return h, nil
}

// bytes writes the packet.
func (p *packet) bytes() (b []byte) {
	text := func(b []byte, number int, data []byte) []byte {
		b = binary.AppendUvarint(b, uint64(number)<<3|wireBytes)
		return append(binary.AppendUvarint(b, uint64(len(data))), data...)
	}
	for number := 1; number < len(p.numbers); number++ {
		b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(number)<<3|wireVarint), p.numbers[number])
	}
	for _, h := range p.headers {
		b = text(b, fieldHeader, text(text(nil, 1, []byte(h.key)), 2, []byte(h.value)))
	}
	for number := fieldHeader + 1; number < len(p.texts); number++ {
		if p.texts[number] != nil {
			b = text(b, number, p.texts[number])
		}
	}
	return b
}

// get is the value of a header, "" for none.
func (p *packet) get(key string) string {
	for _, h := range p.headers {
		if h.key == key {
			return h.value
		}
	}
	return ""
}
