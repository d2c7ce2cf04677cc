package bedrock

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/carapace-gateway/carapace/wit"
)

// packet is a message of an event stream. On the wire it is its length, that of its headers, a checksum of these two,
// the headers, the payload, and a checksum of all: see "Event stream encoding" in the documentation of AWS.
type packet struct {
	kind    string // :message-type
	name    string // :event-type or :exception-type
	payload string
}

const (
	preludeSize  = 12
	checksumSize = 4
)

// readPacket reads a whole packet.
func readPacket(b []byte) (p packet, ok bool) {
	if len(b) < preludeSize+checksumSize || int(binary.BigEndian.Uint32(b)) != len(b) {
		return p, false
	}
	end := len(b) - checksumSize
	if crc32.ChecksumIEEE(b[:8]) != binary.BigEndian.Uint32(b[8:]) || crc32.ChecksumIEEE(b[:end]) != binary.BigEndian.Uint32(b[end:]) {
		return p, false
	}
	size := int(binary.BigEndian.Uint32(b[4:]))
	if size < 0 || size > end-preludeSize {
		return p, false
	}
	p.payload = string(b[preludeSize+size : end])
	return p, p.headers(b[preludeSize : preludeSize+size])
}

// sizes are how long the values of headers are by their types: booleans, numbers, a time, and an id. Bytes (6) and texts (7)
// say it themselves.
var sizes = [...]int{0, 0, 1, 2, 4, 8, -1, -1, 8, 16}

// headers reads those that say what the packet is, and reports whether all could be read.
func (p *packet) headers(b []byte) bool {
	for len(b) > 0 {
		n := int(b[0])
		if len(b) < n+2 || int(b[n+1]) >= len(sizes) {
			return false
		}
		name, size := string(b[1:n+1]), sizes[b[n+1]]
		b = b[n+2:]
		if size < 0 {
			if len(b) < 2 {
				return false
			}
			size, b = int(binary.BigEndian.Uint16(b)), b[2:]
		}
		if len(b) < size {
			return false
		}
		switch name {
		case ":message-type":
			p.kind = string(b[:size])
		case ":event-type", ":exception-type", ":error-code":
			p.name = string(b[:size])
		case ":error-message":
			p.payload = string(b[:size])
		}
		b = b[size:]
	}
	return true
}

// unreadable is the failure of a stream that is none.
func unreadable() *wit.Error {
	return wit.NewError(wit.CodeUnavailable, "bedrock: the server sent something that is not an event stream; check the region and baseUrl")
}
