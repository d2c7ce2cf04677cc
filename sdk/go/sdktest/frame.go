package sdktest

import (
	"encoding/base64"
	"encoding/binary"
	"slices"

	"github.com/carapace-gateway/carapace/wit"
)

// Written is what the gateway writes of a frame on tcp or tls, without a line's end: filled in with Credentials, and put together
// of its parts. A file's content is not known here: its reference stands for it.
func (h *Host) Written(f *wit.Frame) ([]byte, error) {
	if len(f.Parts) == 0 {
		return h.written(f.Text, f.Bytes, f.Fill, f.Base64)
	}
	var all []byte
	ends := make([]int, len(f.Parts)+1) // counted from the end: what stands behind a part does not move
	for i := len(f.Parts) - 1; i >= 0; i-- {
		p := &f.Parts[i]
		text := p.Text
		if p.Media != nil {
			text = p.Media
		}
		data, err := h.written(text, p.Bytes, p.Fill, p.Base64)
		if p.Length != nil {
			last := len(f.Parts)
			if p.Parts > 0 {
				last = min(i+1+int(p.Parts), last)
			}
			data, err = length(p.Length, len(all)-ends[last])
		}
		if err != nil {
			return nil, err
		}
		all = slices.Concat(data, all)
		ends[i] = len(all)
	}
	return all, nil
}

func (h *Host) written(text *string, data []byte, fill, inBase64 bool) ([]byte, error) {
	if text == nil {
		return data, nil
	}
	said, by := *text, filler{host: h}
	if fill {
		said = by.in(said)
	}
	if inBase64 {
		said = base64.StdEncoding.EncodeToString([]byte(said))
	}
	return []byte(said), by.err
}

// length writes one as the gateway does (wit.LengthPrefix).
func length(p *wit.LengthPrefix, n int) ([]byte, error) {
	n -= int(p.Extra)
	if p.Form == wit.LengthFormVarint {
		return binary.AppendUvarint(nil, uint64(max(n, 0))), nil
	}
	size := map[wit.LengthForm]int{wit.LengthFormThreeBytes: 3, wit.LengthFormTwoBytes: 2, wit.LengthFormOneByte: 1}[p.Form]
	if size == 0 {
		size = 4
	}
	if p.Whole {
		n += size
	}
	if n < 0 || n>>(8*size) > 0 {
		return nil, wit.Errorf(wit.CodeTooLarge, "a length of %d has no room in %d bytes", n, size)
	}
	number := binary.BigEndian.AppendUint64(nil, uint64(n))[8-size:]
	if p.LowFirst {
		slices.Reverse(number)
	}
	return number, nil
}
