package exchange

import (
	"bytes"
	"encoding/binary"

	"github.com/tetratelabs/wazero/api"

	"github.com/carapace-gateway/carapace/kernel/runtime/memory"
	"github.com/carapace-gateway/carapace/wit"
)

// Memory is the host's end of one instance's exchange memory. Blocks are named by their offset, 0 for none.
type Memory struct {
	linear    *memory.Linear
	registers *[base]byte // the begin of linear, which never moves
	module    api.Module  // whose memory linear is
	owner     string      // whom errors name
}

// New makes the host's end of an instance of the module. owner is the plugin that errors name. It owns linear
// and module from then on.
func New(linear *memory.Linear, module api.Module, owner string) *Memory {
	m := &Memory{linear: linear, registers: (*[base]byte)(linear.Bytes()), module: module, owner: owner}
	m.Reset()
	return m
}

// Reset makes the memory ready for a call: no blocks, no input, no output, no error.
func (m *Memory) Reset() {
	b := m.registers
	if binary.LittleEndian.Uint64(b[regFreed:]) != 0 {
		clear(b[regFreed : regLists+listBytes])
	}
	clear(b[regBump:regFreed])
	binary.LittleEndian.PutUint64(b[regBump:], base)
}

func (m *Memory) register(at int) uint64 {
	return binary.LittleEndian.Uint64(m.registers[at:])
}

func (m *Memory) setRegister(at int, v uint64) {
	binary.LittleEndian.PutUint64(m.registers[at:], v)
}

// SetInput passes in to the guest. A guest that takes its input straight from the host gets its length only.
// CodeTooLarge when it does not fit.
func (m *Memory) SetInput(in []byte, direct bool) error {
	if len(in) == 0 {
		return nil
	}
	if !direct {
		off, err := m.Put(in)
		if err != nil {
			return err
		}
		m.setRegister(regInput, off)
	}
	m.setRegister(regInputLen, uint64(len(in)))
	return nil
}

// Put copies b into a new block and returns its offset, 0 for no bytes. CodeTooLarge when it does not fit.
func (m *Memory) Put(b []byte) (uint64, error) {
	if len(b) == 0 {
		return 0, nil
	}
	off, dst, err := m.Block(len(b))
	copy(dst, b)
	return off, err
}

// Block cuts a block of n bytes off the end of the memory. Its bytes may be written until the guest runs again.
// CodeTooLarge when it does not fit.
func (m *Memory) Block(n int) (uint64, []byte, error) {
	off := m.register(regBump) + headerBytes
	end := (off + uint64(n) + 15) &^ 15
	if off < base+headerBytes || off > 1<<32 || end > m.linear.Limit() { // the guest may have moved the register
		return 0, nil, wit.Errorf(wit.CodeTooLarge, "plugin %s: %d bytes do not fit in the %d MB that a call may exchange",
			m.owner, n, m.linear.Limit()>>20)
	}
	if size := m.linear.Size(); end > size {
		pages := (end - size + 1<<16 - 1) >> 16
		if _, ok := m.module.Memory().Grow(uint32(pages)); !ok {
			return 0, nil, wit.Errorf(wit.CodeTooLarge, "plugin %s: no memory for %d bytes", m.owner, n)
		}
	}
	b := m.linear.Bytes()
	binary.LittleEndian.PutUint64(b[off-16:], uint64(n))
	binary.LittleEndian.PutUint32(b[off-8:], 0) // the smallest class: never larger than the block
	binary.LittleEndian.PutUint32(b[off-4:], blockMagic)
	m.setRegister(regBump, end)
	return off, b[off : off+uint64(n) : off+uint64(n)], nil
}

// View returns the block at off without copying, nil for 0. Its length is what the guest claims, checked
// against the memory and most; what names it in errors. CodeInvalid for what is no block, CodeTooLarge.
func (m *Memory) View(off uint64, most int64, what string) ([]byte, error) {
	if off == 0 {
		return nil, nil
	}
	header, ok := m.linear.Slice(off-headerBytes, headerBytes)
	if off < base+headerBytes || !ok || binary.LittleEndian.Uint32(header[12:]) != blockMagic {
		return nil, wit.Errorf(wit.CodeInvalid, "plugin %s passed a %s at an address that holds none", m.owner, what)
	}
	return m.span(off, binary.LittleEndian.Uint64(header), most, what)
}

func (m *Memory) span(off, n uint64, most int64, what string) ([]byte, error) {
	if n > uint64(most) {
		return nil, wit.Errorf(wit.CodeTooLarge, "plugin %s: %s of %d bytes is over the limit of %d", m.owner, what, n, most)
	}
	b, ok := m.linear.Slice(off, n)
	if !ok {
		return nil, wit.Errorf(wit.CodeInvalid, "plugin %s passed a %s that lies outside its memory", m.owner, what)
	}
	return b, nil
}

// Output returns a copy of what the guest set as its output, nil for none. CodeTooLarge when it has more than
// most bytes, CodeInvalid when it lies outside the memory.
func (m *Memory) Output(most int64) ([]byte, error) {
	n := m.register(regOutputLen)
	if n == 0 {
		return nil, nil
	}
	b, err := m.span(m.register(regOutput), n, most, "answer")
	return bytes.Clone(b), err
}

// ClearOutput forgets what the guest set as its output.
func (m *Memory) ClearOutput() { m.setRegister(regOutputLen, 0) }

// Failure returns the block that the guest set as its error, 0 for none.
func (m *Memory) Failure() uint64 { return m.register(regError) }

// Guest returns n bytes at off without copying, if guests may touch them.
func (m *Memory) Guest(off, n uint64) ([]byte, bool) {
	b, ok := m.linear.Slice(off, n)
	return b, ok && (off >= base || n == 0)
}

// What Trim does: a memory over trimAbove bytes is cut to trimTo.
const (
	trimTo    = 1 << 20
	trimAbove = 4 << 20
)

// Trim gives back the pages that a large call used. Blocks are lost by it.
func (m *Memory) Trim() {
	if m.linear.Size() > trimAbove && m.register(regBump) > trimTo {
		m.linear.Discard(trimTo)
	}
}
