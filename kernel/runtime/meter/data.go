package meter

import (
	"cmp"
	"slices"
)

// segment is a data segment. offset is the encoded expression of an active one.
type segment struct {
	flag   uint32
	offset []byte
	data   []byte
	at     uint64 // of a constant one
}

// dataSection copies the segments that fill the memory, joined where that is safe.
func (w *rewriter) dataSection() ([]byte, error) {
	src := w.sections[secData]
	if src == nil {
		return nil, nil
	}
	segments, err := w.segments(&reader{b: src})
	if err != nil {
		return nil, err
	}
	segments, plain := w.merge(segments)
	if w.apart = w.o.Apart && plain; w.apart {
		w.aside = asideSection(segments)
		return nil, nil
	}
	b := appendU32(make([]byte, 0, len(src)), uint32(len(segments)))
	for _, s := range segments {
		b = appendU32(b, s.flag)
		if s.flag == 2 {
			b = append(b, 0)
		}
		b = append(b, s.offset...)
		b = append(appendU32(b, uint32(len(s.data))), s.data...)
	}
	return b, nil
}

// segments reads the section. A segment's flag is 0 if it is active, 1 if it is passive, copied by instructions,
// and 2 if it is active and names its memory, which can be the first one only.
func (w *rewriter) segments(r *reader) ([]segment, error) {
	n := r.atMost(maxSegments, 2, "data segments")
	list := make([]segment, 0, n)
	for range n {
		s := segment{flag: r.u32()}
		switch s.flag {
		case 2:
			if r.u32() != 0 {
				r.fail("wasm data segment is for a second memory; one is accepted")
			}
			s.offset = w.constExpr(r, nil)
		case 1:
		case 0:
			s.offset = w.constExpr(r, nil)
		default:
			r.fail("wasm data segment has flag %d, which is not known", s.flag)
		}
		s.data = r.take(int(r.u32()))
		if r.err != nil {
			return nil, r.err
		}
		list = append(list, s)
	}
	r.end("data")
	return list, r.err
}

// mergeGap is how many zero bytes are cheaper than another segment.
const mergeGap = 256

// merge joins neighbouring segments. Some linkers leave thousands of them, and the engine evaluates
// each one's offset for each instance: two thirds of what starting an instance of a Go guest took.
//
// It does so only where nothing can tell: the segments have no index that code refers to, are
// constant, do not overlap, and lie in what the module's own memory has from the start. plain says that it is so.
func (w *rewriter) merge(list []segment) (merged []segment, plain bool) {
	if w.sections[secDataCount] != nil || w.sections[secMemory] == nil {
		return list, false
	}
	placed := slices.Clone(list)
	for n := range placed {
		ok := false
		if placed[n].at, ok = placed[n].constant(); !ok {
			return list, false
		}
	}
	slices.SortStableFunc(placed, func(a, b segment) int { return cmp.Compare(a.at, b.at) })
	// filled counts the zero bytes that joining adds. Without a bound a small file could name segments far apart
	// and have this make many times its size.
	end, filled := uint64(0), uint64(0)
	merged = placed[:0]
	for _, s := range placed {
		if s.at < end || s.at+uint64(len(s.data)) > uint64(w.memoryMin)<<16 {
			return list, false
		}
		if gap := s.at - end; len(merged) > 0 && gap <= mergeGap {
			if filled += gap; filled > uint64(len(w.sections[secData])) {
				return list, false // it would more than double
			}
			last := &merged[len(merged)-1]
			last.data = append(append(last.data, make([]byte, gap)...), s.data...)
		} else {
			s.data = slices.Clone(s.data)
			merged = append(merged, s)
		}
		end = s.at + uint64(len(s.data))
	}
	return merged, true
}

// constant returns the offset of an active segment if it is a plain number. The offset of one that the host
// supplies, a global say, is not known here.
func (s segment) constant() (uint64, bool) {
	if s.flag == 1 || s.offset[0] != 0x41 {
		return 0, false
	}
	r := &reader{b: s.offset[1:]}
	v := uint32(r.signed(32))
	return uint64(v), r.byte() == 0x0b && r.left() == 0
}
