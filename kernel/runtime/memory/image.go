package memory

import "bytes"

// Image is what memories begin with. Where the system allows it they share its pages, each until it writes to one, and
// otherwise each has a copy. It is read only and safe for concurrent use; memories that were made from it outlive it.
type Image struct {
	size   uint64 // whole pages where it is shared
	shared shared
	parts  []Part // where it is not
}

// Part is a piece of an image.
type Part struct {
	At    uint64
	Bytes []byte
}

// What is shared is in nobody's account, as machine code is. So it is bounded, and what lies between the parts too, which takes
// memory once it is read.
const (
	maxShared = 16 << 20
	sparse    = 4 // times what the parts have, and
	spare     = 1 << 20
)

// worth says that an image of that size may be shared.
func worth(size uint64, parts []Part) bool {
	content := uint64(0)
	for _, p := range parts {
		content += uint64(len(p.Bytes))
	}
	return size <= maxShared && size <= sparse*content+spare
}

// NewImage makes one of parts that do not overlap, with zeros between them. The bytes may be kept and must not change. nil is
// an image of zeros.
func NewImage(parts []Part) *Image {
	i := &Image{}
	for _, p := range parts {
		i.size = max(i.size, p.At+uint64(len(p.Bytes)))
	}
	if i.size == 0 {
		return nil
	}
	if worth(i.size, parts) && i.shared.make(i.size, parts) {
		i.size = i.shared.whole(i.size)
	} else {
		i.parts = parts
	}
	return i
}

// copyPiece is what a memory is copied by: what is zero takes nothing.
const copyPiece = 4 << 10

// Copy makes an image of the memory as it is now. It returns nil where it cannot be shared: copies are not worth their memory.
func (m *Linear) Copy() *Image {
	var parts []Part
	zero := make([]byte, copyPiece)
	for at := uint64(0); at < m.size; at += copyPiece {
		piece := m.reserved[at:min(at+copyPiece, m.size)]
		if bytes.Equal(piece, zero[:len(piece)]) {
			continue
		}
		if n := len(parts) - 1; n >= 0 && parts[n].At+uint64(len(parts[n].Bytes)) == at {
			from := parts[n].At
			parts[n].Bytes = m.reserved[from : at+uint64(len(piece))]
			continue
		}
		parts = append(parts, Part{at, piece})
	}
	i := &Image{size: m.size}
	if !worth(m.size, parts) || !i.shared.make(m.size, parts) {
		return nil
	}
	return i
}

// Size is how many bytes it has.
func (i *Image) Size() uint64 {
	if i == nil {
		return 0
	}
	return i.size
}

// Close gives the image back. It may be called again, and no memory may be made from it afterwards.
func (i *Image) Close() {
	if i != nil {
		i.shared.close()
	}
}

// fill gives a new memory its first content, which it has the size for.
func (i *Image) fill(m *Linear) bool {
	if i.parts == nil {
		return i.shared.lay(m.reserved[:i.size])
	}
	for _, p := range i.parts {
		copy(m.reserved[p.At:], p.Bytes)
	}
	return true
}
