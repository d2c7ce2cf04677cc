package packet

import (
	"encoding/binary"
	"slices"

	"github.com/carapace-gateway/carapace/wit"
)

// AppendLength writes the length of n bytes that follow, as Read reads it. Errors: CodeInvalid for a prefix with an offset, and
// for a varint that counts itself; CodeTooLarge for a length that the form has no room for.
func AppendLength(b []byte, prefix *wit.LengthPrefix, n int) ([]byte, error) {
	varint := prefix.Form == wit.LengthFormVarint
	if prefix.Offset > 0 || varint && prefix.Whole {
		return nil, wit.NewError(wit.CodeInvalid, "a length that is written has no offset, and one in steps of seven bits does not count itself")
	}
	length, bits := int64(n)-int64(prefix.Extra), 7*maxVarint
	if !varint {
		size := width(prefix.Form)
		bits = 8 * size
		if prefix.Whole {
			length += int64(size)
		}
	}
	if length < 0 || length>>bits > 0 {
		return nil, wit.Errorf(wit.CodeTooLarge, "a length of %d has no room where it is to stand", length)
	}
	if varint {
		return binary.AppendUvarint(b, uint64(length)), nil
	}
	number := binary.BigEndian.AppendUint64(nil, uint64(length))[8-bits/8:]
	if prefix.LowFirst {
		slices.Reverse(number)
	}
	return append(b, number...), nil
}
