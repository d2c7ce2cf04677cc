package runtime

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
	"github.com/tetratelabs/wazero/sys"
)

// errHalted is what a host function panics with to unwind a guest; call.halt says why.
var errHalted = errors.New("stopped by the host")

// sampling is how many short calls one reading of the clock stands for. Reading it twice would take
// as long as the rest of a short call.
const sampling = 16

// begin makes the instance ready for a call. The deadline's clock starts with the first check, which
// comes at most one interval of the meter later.
func (i *instance) begin(ctx context.Context, export string) {
	i.call = call{ctx: ctx, export: export}
	if i.calls++; i.calls%sampling == 0 {
		i.sampled = i.pool.engine.now()
	}
}

// guestTime is how long this call computed, so that the sum over many calls is right.
func (i *instance) guestTime() int64 {
	if i.sampled == 0 && i.checked == 0 {
		return 0
	}
	end, total := i.pool.engine.now(), int64(0)
	if i.checked != 0 {
		total, end = end-i.checked-i.hostTime, i.checked
	}
	if i.sampled != 0 {
		total += (end - i.sampled) * sampling
	}
	return total
}

// invoke calls an export with in and answers a copy of its output. After an error, the instance must
// be discarded unless reusable says otherwise.
func (i *instance) invoke(name string, in []byte) (out []byte, reusable bool, err error) {
	x, err := i.export(name)
	if err != nil {
		return nil, true, err
	}
	i.reset()
	if err := i.input(in); err != nil {
		return nil, true, err
	}
	i.stack[0] = 0
	if err := x.fn.CallWithStack(i, i.stack[:]); err != nil {
		if exit := (*sys.ExitError)(nil); i.halt != nil || !errors.As(err, &exit) || exit.ExitCode() != 0 {
			return nil, false, i.failure(err)
		}
		reusable = false // exit(0) is success, and the end of the instance
	} else {
		reusable = true
	}
	i.flush()
	var rc uint32
	if x.results == 1 {
		rc = uint32(i.stack[0])
	}
	if err := i.guestError(rc); err != nil {
		return nil, reusable, err
	}
	out, err = i.output()
	return out, reusable, err
}

// reset makes the exchange memory ready for a call.
func (i *instance) reset() {
	b := i.exchange.bytes()
	if binary.LittleEndian.Uint64(b[regFreed:]) != 0 {
		clear(b[regFreed : regLists+listBytes])
	}
	clear(b[regBump:regFreed])
	binary.LittleEndian.PutUint64(b[regBump:], exchangeBase)
}

func (i *instance) register(at int) uint64 {
	return binary.LittleEndian.Uint64(i.exchange.reserved[at:])
}

func (i *instance) setRegister(at int, v uint64) {
	binary.LittleEndian.PutUint64(i.exchange.reserved[at:], v)
}

func (i *instance) input(in []byte) error {
	i.in = in
	if len(in) == 0 {
		return nil
	}
	if i.direct {
		i.setRegister(regInputLen, uint64(len(in)))
		return nil
	}
	off, err := i.put(in)
	if err != nil {
		return err
	}
	i.setRegister(regInput, off)
	i.setRegister(regInputLen, uint64(len(in)))
	return nil
}

// put copies b into a new block and answers its offset; nothing is allocated for no bytes.
func (i *instance) put(b []byte) (uint64, error) {
	if len(b) == 0 {
		return 0, nil
	}
	off, dst, err := i.block(len(b))
	copy(dst, b)
	return off, err
}

// block cuts a block of n bytes off the end of the exchange memory.
func (i *instance) block(n int) (uint64, []byte, error) {
	off := i.register(regBump) + blockHeader
	end := (off + uint64(n) + 15) &^ 15
	if off < exchangeBase+blockHeader || off > 1<<32 || end > i.exchange.limit {
		return 0, nil, wit.Errorf(wit.CodeTooLarge, "plugin %s: %d bytes do not fit in the %d MB that a call may exchange",
			i.pool.spec.Plugin, n, i.pool.limits.ExchangeBytes>>20)
	}
	if end > i.exchange.size {
		pages := (end - i.exchange.size + 1<<16 - 1) >> 16
		if _, ok := i.peer.Memory().Grow(uint32(pages)); !ok {
			return 0, nil, wit.Errorf(wit.CodeTooLarge, "plugin %s: no memory for %d bytes", i.pool.spec.Plugin, n)
		}
	}
	b := i.exchange.reserved
	binary.LittleEndian.PutUint64(b[off-16:], uint64(n))
	binary.LittleEndian.PutUint32(b[off-8:], 0) // the smallest class: never larger than the block
	binary.LittleEndian.PutUint32(b[off-4:], blockMagic)
	i.setRegister(regBump, end)
	return off, b[off : off+uint64(n) : off+uint64(n)], nil
}

// view answers the block at off without copying. Its length is what the guest claims, checked
// against the memory and max.
func (i *instance) view(off uint64, max int64, what string) ([]byte, error) {
	if off == 0 {
		return nil, nil
	}
	header, ok := i.exchange.slice(off-blockHeader, blockHeader)
	if off < exchangeBase+blockHeader || !ok || binary.LittleEndian.Uint32(header[12:]) != blockMagic {
		return nil, wit.Errorf(wit.CodeInvalid, "plugin %s passed a %s at an address that holds none", i.pool.spec.Plugin, what)
	}
	return i.span(off, binary.LittleEndian.Uint64(header), max, what)
}

func (i *instance) span(off, n uint64, max int64, what string) ([]byte, error) {
	if n > uint64(max) {
		return nil, wit.Errorf(wit.CodeTooLarge, "plugin %s: %s of %d bytes is over the limit of %d", i.pool.spec.Plugin, what, n, max)
	}
	b, ok := i.exchange.slice(off, n)
	if !ok {
		return nil, wit.Errorf(wit.CodeInvalid, "plugin %s passed a %s that lies outside its memory", i.pool.spec.Plugin, what)
	}
	return b, nil
}

func (i *instance) output() ([]byte, error) {
	n := i.register(regOutputLen)
	if n == 0 {
		return i.answer, nil
	}
	b, err := i.span(i.register(regOutput), n, i.pool.limits.OutputBytes, "answer")
	return bytes.Clone(b), err
}

// guestError answers the error that the guest reported, nil if it reported none.
func (i *instance) guestError(rc uint32) error {
	off := i.register(regError)
	if rc == 0 && off == 0 {
		return nil
	}
	text, err := i.view(off, i.pool.limits.OutputBytes, "error")
	if err != nil {
		return err
	}
	if rc == 0 && len(text) == 0 {
		return nil
	}
	if e := parseError(text); e != nil {
		return e
	}
	if len(text) == 0 {
		return wit.Errorf(wit.CodeUnavailable, "plugin %s: %s failed with code %d", i.pool.spec.Plugin, i.call.export, int32(rc))
	}
	return wit.Errorf(wit.CodeUnavailable, "plugin %s: %s: %s", i.pool.spec.Plugin, i.call.export, clip(string(text), maxLogLine))
}

func (i *instance) export_() string { return i.call.export }

// parseError reads text as an error with a code from the list; anything else is not one.
func parseError(text []byte) *wit.Error {
	if len(text) == 0 || text[0] != '{' || len(text) > 1<<16 {
		return nil
	}
	e := &wit.Error{}
	if json.Unmarshal(text, e) != nil || !knownCode(e.Code) {
		return nil
	}
	return e
}

func knownCode(c wit.Code) bool {
	switch c {
	case wit.CodeInvalid, wit.CodeNotFound, wit.CodeConflict, wit.CodeUnauthorized, wit.CodeForbidden,
		wit.CodeUnavailable, wit.CodeTimeout, wit.CodeTooLarge, wit.CodeRateLimited, wit.CodeInternal:
		return true
	}
	return false
}

// failure turns what ended a guest into an error with a code.
func (i *instance) failure(err error) error {
	i.flush()
	if i.halt != nil {
		return i.halt
	}
	p := i.pool
	p.engine.log.Debug("guest failed", "plugin", p.spec.Plugin, "export", i.call.export, "error", err)
	if exit := (*sys.ExitError)(nil); errors.As(err, &exit) {
		return wit.Errorf(wit.CodeUnavailable, "plugin %s: %s exited with code %d%s", p.spec.Plugin, i.call.export, exit.ExitCode(), i.lastWords())
	}
	reason, _, _ := strings.Cut(err.Error(), "\n")
	reason = strings.TrimPrefix(reason, "wasm error: ")
	return wit.Errorf(wit.CodeUnavailable, "plugin %s: %s trapped: %s%s", p.spec.Plugin, i.call.export, clip(reason, 256), i.lastWords())
}

// lastWords is the first line that the guest wrote to stderr in this call, which is where language
// runtimes say why they gave up.
func (i *instance) lastWords() string {
	if i.stderr == "" {
		return ""
	}
	return ": " + clip(i.stderr, 256)
}

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
