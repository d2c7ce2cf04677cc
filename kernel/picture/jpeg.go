package picture

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
)

// The markers of JPEG that are looked at (ITU-T T.81, table B.1).
const (
	markerSOF0 = 0xc0 // baseline
	markerSOF1 = 0xc1 // extended
	markerSOF2 = 0xc2 // progressive
	markerSOS  = 0xda // the scan: what follows is no header
	markerAPP1 = 0xe1 // Exif
)

// coefficient is how many bytes the decoder has for each of a progressive picture's samples, beside the sample.
const coefficient = 4

var errHeader = errors.New("its header is cut, or leads nowhere")

// lookJPEG reads the segments of the header: the library's reader does not tell a progressive picture, which takes several
// times as much memory as another one.
func lookJPEG(from io.Reader) (f format, err error) {
	r := bufio.NewReader(from)
	if _, err := r.Discard(2); err != nil {
		return f, err
	}
	for range 1000 {
		marker, body, err := segment(r)
		if err != nil {
			return f, err
		}
		switch marker {
		case markerSOF0, markerSOF1, markerSOF2:
			turned := f.turned
			f, err = frame(body, marker == markerSOF2)
			f.turned = turned
			return f, err
		case markerSOS:
			return f, errHeader
		case markerAPP1:
			if t := orientation(body); t != 0 {
				f.turned = t
			}
		}
	}
	return f, errHeader
}

// segment reads a marker and its segment.
func segment(r *bufio.Reader) (marker byte, body []byte, err error) {
	first, err := r.ReadByte()
	if err != nil || first != 0xff {
		return 0, nil, errHeader
	}
	for marker = 0xff; marker == 0xff; { // fill bytes
		if marker, err = r.ReadByte(); err != nil {
			return 0, nil, errHeader
		}
	}
	var n [2]byte
	if _, err = io.ReadFull(r, n[:]); err != nil || binary.BigEndian.Uint16(n[:]) < 2 {
		return 0, nil, errHeader
	}
	body = make([]byte, binary.BigEndian.Uint16(n[:])-2)
	if _, err = io.ReadFull(r, body); err != nil {
		return 0, nil, errHeader
	}
	return marker, body, nil
}

// frame reads a frame header (T.81, B.2.2): precision, height, width, and for each component its id, its sampling factors and
// its table.
func frame(b []byte, progressive bool) (f format, err error) {
	if len(b) < 6 || len(b) < 6+3*int(b[5]) || b[5] == 0 {
		return f, errHeader
	}
	f.height, f.width = int(binary.BigEndian.Uint16(b[1:])), int(binary.BigEndian.Uint16(b[3:]))
	samples, most := int64(0), int64(1)
	for i := range int(b[5]) {
		h, v := int64(b[7+3*i]>>4), int64(b[7+3*i]&15)
		if h < 1 || h > 4 || v < 1 || v > 4 {
			return f, errHeader
		}
		samples, most = samples+h*v, max(most, h*v)
	}
	each := int64(1)
	if progressive {
		each += coefficient
	}
	// Blocks at the edges are whole; 32 is more than any block has.
	area := int64(f.width+32) * int64(f.height+32)
	f.memory = area * samples * each / most
	return f, nil
}

// orientation reads how the camera was held from an Exif segment: the tag 0x0112 of the first directory (Exif 2.3, 4.6.4).
// 0 is unsaid, or damaged.
func orientation(b []byte) int {
	if len(b) < 14 || string(b[:6]) != "Exif\x00\x00" {
		return 0
	}
	b = b[6:]
	var order binary.ByteOrder = binary.LittleEndian
	if string(b[:2]) == "MM" {
		order = binary.BigEndian
	}
	at := int64(order.Uint32(b[4:]))
	if at+2 > int64(len(b)) {
		return 0
	}
	for i := range int64(order.Uint16(b[at:])) {
		entry := at + 2 + 12*i
		if entry+12 > int64(len(b)) {
			return 0
		}
		if order.Uint16(b[entry:]) == 0x0112 {
			if t := int(order.Uint16(b[entry+8:])); t >= 1 && t <= 8 {
				return t
			}
			return 0
		}
	}
	return 0
}
