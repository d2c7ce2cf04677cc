package feishutest

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"
)

// frame is a packet of a connection: the message Frame of the platform's client libraries, in Protocol Buffers.
type frame struct {
	seq, log        uint64
	service, method int32
	headers         map[string]string
	payload         string
}

var errFrame = errors.New("no packet")

func (f *frame) bytes() (b []byte) {
	number := func(field int, value uint64) {
		b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(field)<<3), value)
	}
	text := func(to []byte, field int, value string) []byte {
		to = binary.AppendUvarint(to, uint64(field)<<3|2)
		return append(binary.AppendUvarint(to, uint64(len(value))), value...)
	}
	number(1, f.seq)
	number(2, f.log)
	number(3, uint64(f.service))
	number(4, uint64(f.method))
	for _, name := range slices.Sorted(maps.Keys(f.headers)) {
		b = text(b, 5, string(text(text(nil, 1, name), 2, f.headers[name])))
	}
	return text(b, 8, f.payload)
}

// fields calls do for each field, with its number or its text. Of what a packet has there is nothing else.
func fields(b []byte, do func(field int, number uint64, text []byte)) error {
	for len(b) > 0 {
		key, n := binary.Uvarint(b)
		if n <= 0 || key&7 != 0 && key&7 != 2 {
			return errFrame
		}
		value, m := binary.Uvarint(b[n:])
		if m <= 0 {
			return errFrame
		}
		b = b[n+m:]
		if key&7 == 0 {
			do(int(key>>3), value, nil)
			continue
		}
		if value > uint64(len(b)) {
			return errFrame
		}
		do(int(key>>3), 0, b[:value])
		b = b[value:]
	}
	return nil
}

func readFrame(b []byte) (f frame, err error) {
	f.headers = map[string]string{}
	required := 0
	err = fields(b, func(field int, number uint64, text []byte) {
		switch field {
		case 1, 2:
			required++
		case 3:
			f.service = int32(number)
			required++
		case 4:
			f.method = int32(number)
			required++
		case 5:
			name, value := "", ""
			_ = fields(text, func(field int, _ uint64, text []byte) {
				if field == 1 {
					name = string(text)
				} else {
					value = string(text)
				}
			})
			f.headers[name] = value
		case 8:
			f.payload = string(text)
		}
	})
	if required != 4 {
		err = errFrame
	}
	return f, err
}
