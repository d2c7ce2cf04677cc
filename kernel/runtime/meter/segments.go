package meter

import "github.com/carapace-gateway/carapace/kernel/runtime/leb"

// constExpr copies a constant expression, up to and with its end, onto b.
// Such an expression runs once for each instance and cannot loop, so it is checked and not metered.
func (w *rewriter) constExpr(r *reader, b []byte) []byte {
	for r.err == nil {
		op := r.byte()
		b = append(b, op)
		switch op {
		case 0x0b:
			return b
		case 0x41:
			b = leb.AppendSigned(b, r.signed(32))
		case 0x42:
			b = leb.AppendSigned(b, r.signed(64))
		case 0x43:
			b = append(b, r.take(4)...)
		case 0x44:
			b = append(b, r.take(8)...)
		case 0x23:
			b = appendU32(b, w.global(r, r.u32()))
		case 0xd0:
			b = append(b, r.refType())
		case 0xd2:
			b = appendU32(b, w.function(r, r.u32()))
		case 0xfd:
			if r.byte() != 12 {
				r.fail("wasm constant expression has a vector instruction that is not v128.const")
			}
			b = append(append(b, 12), r.take(16)...)
		case 0x6a, 0x6b, 0x6c, 0x7c, 0x7d, 0x7e: // extended constants
		default:
			r.fail("wasm constant expression has instruction %#x, which is not constant", op)
		}
	}
	return b
}

// elementSection copies the segments that fill tables. A segment's flag says with bit 0 that it is
// not active, with bit 1 that a table index (active) or declarative mode follows, and with bit 2
// that elements are expressions instead of function indices.
func (w *rewriter) elementSection() ([]byte, error) {
	if w.sections[secElement] == nil {
		return nil, nil
	}
	r := &reader{b: w.sections[secElement]}
	n := r.atMost(maxSegments, 2, "element segments")
	b := appendU32(nil, uint32(n))
	// In all segments together: an engine keeps each element of each segment for each instance.
	left := maxTableElements
	for range n {
		flag := r.u32()
		if flag > 7 {
			r.fail("wasm element segment has flag %d, which is not known", flag)
		}
		b = appendU32(b, flag)
		if flag&1 == 0 {
			if flag&2 != 0 {
				b = appendU32(b, r.u32())
			}
			b = w.constExpr(r, b)
		}
		if flag&3 != 0 {
			b = append(b, elementKind(r, flag&4 != 0))
		}
		if b = w.elements(r, b, &left, flag&4 != 0); r.err != nil {
			return nil, r.err
		}
	}
	r.end("elements")
	return b, r.err
}

// elementKind copies the byte that says what the elements are: a reference type before expressions, else 0 for
// functions.
func elementKind(r *reader, expressions bool) byte {
	if expressions {
		return r.refType()
	}
	kind := r.byte()
	if kind != 0 {
		r.fail("wasm element kind %#x is not known", kind)
	}
	return kind
}

// elements copies one segment's elements; left is how many all segments may still have.
func (w *rewriter) elements(r *reader, b []byte, left *int, expressions bool) []byte {
	n := r.atMost(*left, 1, "further elements")
	*left -= n
	b = appendU32(b, uint32(n))
	for range n {
		if expressions {
			b = w.constExpr(r, b)
		} else {
			b = appendU32(b, w.function(r, r.u32()))
		}
		if r.err != nil {
			break
		}
	}
	return b
}

// nameSection keeps the module's and the functions' names; a damaged one is dropped, since names
// carry no meaning.
func (w *rewriter) nameSection() []byte {
	if w.names == nil {
		return nil
	}
	b := appendName(nil, "name")
	r := &reader{b: w.names}
	for r.left() > 0 && r.err == nil {
		id := r.byte()
		sub := &reader{b: r.take(int(r.u32()))}
		if r.err != nil || id > 1 {
			continue
		}
		out := []byte{}
		if id == 0 {
			out = appendName(out, sub.name())
		} else {
			out = w.functionNames(sub, out)
		}
		if sub.err != nil {
			return nil
		}
		b = appendSection(b, id, out)
	}
	if r.err != nil {
		return nil
	}
	return b
}

// functionNames moves the names along with their functions, so that traps name the right ones.
func (w *rewriter) functionNames(r *reader, b []byte) []byte {
	n := r.atMost(maxFunctions, 2, "names")
	b = appendU32(b, uint32(n))
	for range n {
		b = appendName(appendU32(b, w.function(r, r.u32())), r.name())
		if r.err != nil {
			break
		}
	}
	return b
}
