package meter

import "strconv"

// Segment is a part of a memory's first content.
type Segment struct {
	At    uint64
	Bytes []byte
}

// apartName is the custom section that the data are put into. Those of the input are dropped, so it is the pass's own.
const apartName = "carapace:data"

// asideSection is the content of the section: a name, how many segments there are, and of each where it lies, its length and bytes.
func asideSection(segments []segment) []byte {
	b := appendU32(appendName(nil, apartName), uint32(len(segments)))
	for _, s := range segments {
		b = appendU32(b, uint32(s.at))
		b = append(appendU32(b, uint32(len(s.data))), s.data...)
	}
	return b
}

// Data returns what a module that was rewritten with Options.Apart expects in its memory before anything of it runs, besides
// what its data section has. The bytes are those of wasm. They lie in what the memory has at first, and do not overlap.
func Data(wasm []byte) ([]Segment, error) {
	if err := checkHeader(wasm); err != nil {
		return nil, err
	}
	r := &reader{b: wasm[8:]}
	for r.left() > 0 && r.err == nil {
		id := r.byte()
		body := &reader{b: r.take(int(r.u32()))}
		if r.err != nil || id != secCustom || body.name() != apartName {
			continue
		}
		list := make([]Segment, 0, body.atMost(maxSegments, 2, "data segments"))
		for range cap(list) {
			list = append(list, Segment{uint64(body.u32()), body.take(int(body.u32()))})
		}
		body.end("data")
		return list, body.err
	}
	return nil, r.err
}

// globalPrefix is what the names of exported globals begin with, followed by a number from 0 on.
const globalPrefix = "carapace:global:"

// maxGlobalExports is how many globals an image may have.
const maxGlobalExports = 64

// GlobalName names a mutable global of a module that was rewritten with Options.Image. There are none where the module does not
// say that it may be copied, or where some cannot be: those that refer to something, or hold a vector.
func GlobalName(n int) string { return globalPrefix + strconv.Itoa(n) }

// noteGlobal takes note of a global that the module defines, of a type as the format writes it.
func (w *rewriter) noteGlobal(index uint32, kind []byte) {
	if kind[1] == 0 {
		return
	}
	w.mutable = append(w.mutable, index)
	w.opaque = w.opaque || kind[0] < 0x7c || kind[0] > 0x7f
}

// globalExports are the exports of the mutable globals, encoded.
func (w *rewriter) globalExports() (b []byte, count uint32) {
	all := append(w.mutable, w.fuel)
	if w.opaque || len(all) > maxGlobalExports {
		return nil, 0
	}
	for n, index := range all {
		b = appendU32(append(appendName(b, GlobalName(n)), kindGlobal), index)
	}
	return b, uint32(len(all))
}
