package gateway

import (
	"encoding/binary"
	"net"

	"github.com/carapace-gateway/carapace/kernel/wire"
)

// What goes together in one write: much is written at once, and what is written counts against a connection's bounds no
// longer than its write takes.
const (
	partsFrames = 64
	partsBytes  = 64 << 10
)

// Of a frame's first two bytes (RFC 6455, 5.2).
const (
	finalFrame = 0x80
	textFrame  = 1
	closeFrame = 8
	twoBytes   = 126 // the length follows in as many
	eightBytes = 127
)

// parts are WebSocket frames in pieces, for one write. Long bodies are not copied: an event's is shared by all
// connections.
type parts struct {
	list  net.Buffers // the pieces in their order
	left  net.Buffers // those of list that are still to be written
	small []byte      // the heads and ends of the frames
}

// take appends the first of these frames, at least one, and returns how many.
func (p *parts) take(frames []frame) (n int) {
	p.small = p.small[:0]
	for bytes := 0; n < len(frames) && n < partsFrames && bytes < partsBytes; n++ {
		p.add(&frames[n])
		bytes += len(frames[n].body)
	}
	p.left = p.list
	return n
}

// add appends a frame: its head, its body, and the end of an event, which is its connection's own, or of a result.
func (p *parts) add(f *frame) {
	begin := len(p.small)
	if f.event {
		p.small = wire.AppendSeq(p.small, f.seq)
	} else if f.to != "" {
		p.small = append(wire.AppendResultHead(p.small, f.to), '}')
	}
	around := p.small[begin:]
	head := len(p.small)
	p.small = appendHead(p.small, len(f.body)+len(around))
	if f.to != "" {
		last := len(around) - 1
		p.small, around = append(p.small, around[:last]...), around[last:]
	}
	p.list = append(p.list, p.small[head:], f.body)
	if len(around) > 0 { // a piece without bytes is one to wait for, on some lines
		p.list = append(p.list, around)
	}
}

// appendHead appends the head of a text frame of a server with so many bytes.
func appendHead(dst []byte, n int) []byte {
	dst = append(dst, finalFrame|textFrame)
	switch {
	case n < twoBytes:
		return append(dst, byte(n))
	case n <= 0xffff:
		return binary.BigEndian.AppendUint16(append(dst, twoBytes), uint16(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, eightBytes), uint64(n))
}
