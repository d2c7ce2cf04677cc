package runtime

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"slices"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// WASI error numbers.
const (
	errnoSuccess = 0
	errnoBadf    = 8
	errnoFault   = 21
	errnoInval   = 28
	errnoNotsup  = 58
)

// Bounds on the vectors that a guest passes: what one call of ours does must be short.
const (
	maxVectors       = 1024
	maxSubscriptions = 64
	chunk            = 64 << 10 // bytes between two looks at the deadline
)

// addWASI offers wazero's WASI with those functions replaced that reach outside or whose
// work a guest can make long. There are no arguments but those of a program, no environment, no files and no
// sockets; output becomes log lines; sleeping ends with the call. It returns the functions' names.
func addWASI(ctx context.Context, r wazero.Runtime) (map[string]bool, error) {
	b := r.NewHostModuleBuilder(wasiModule)
	wasi_snapshot_preview1.NewFunctionExporter().ExportFunctions(b)
	own := []struct {
		name   string
		params int
		call   func(i *instance, m api.Memory, s []uint64) uint64
	}{
		{"fd_write", 4, fdWrite},
		{"fd_read", 4, fdRead},
		{"fd_close", 1, fdClose},
		{"fd_renumber", 2, func(*instance, api.Memory, []uint64) uint64 { return errnoNotsup }},
		{"random_get", 2, randomGet},
		{"poll_oneoff", 4, pollOneoff},
	}
	for _, f := range own {
		b.NewFunctionBuilder().WithGoModuleFunction(api.GoModuleFunc(func(ctx context.Context, m api.Module, s []uint64) {
			i := instanceOf(ctx)
			i.call.check()
			if mem := m.Memory(); mem == nil {
				s[0] = errnoFault
			} else {
				s[0] = f.call(i, mem, s)
			}
		}), i32s(f.params), i32s(1)).Export(f.name)
	}
	compiled, err := b.Compile(ctx)
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for name := range compiled.ExportedFunctions() {
		names[name] = true
	}
	_, err = r.InstantiateModule(ctx, compiled, wazero.NewModuleConfig())
	return names, err
}

// i32s are the types of so many parameters or results, each an i32.
func i32s(n int) []api.ValueType { return slices.Repeat([]api.ValueType{api.ValueTypeI32}, n) }

// eachVector gives take the guest's memory that a read or write names, piece by piece, and tells the guest how many bytes
// were taken in all. It ends early where take says so.
func eachVector(m api.Memory, vectors, count, result uint32, take func(b []byte) (taken int, more bool)) uint64 {
	if count > maxVectors {
		return errnoInval
	}
	list, ok := m.Read(vectors, count*8)
	if !ok {
		return errnoFault
	}
	total := uint32(0)
	for more := true; more && len(list) > 0; list = list[8:] {
		b, ok := m.Read(binary.LittleEndian.Uint32(list), binary.LittleEndian.Uint32(list[4:]))
		if !ok {
			return errnoFault
		}
		var taken int
		taken, more = take(b)
		total += uint32(taken)
	}
	if !m.WriteUint32Le(result, total) {
		return errnoFault
	}
	return errnoSuccess
}

func fdWrite(i *instance, m api.Memory, s []uint64) uint64 {
	fd, vectors, count, result := uint32(s[0]), uint32(s[1]), uint32(s[2]), uint32(s[3])
	if fd != 1 && fd != 2 {
		return errnoBadf
	}
	i.call.asked = true
	to, level := &i.call.console.out, hclog.Info
	if fd == 2 {
		to, level = &i.call.console.err, hclog.Warn
	}
	return eachVector(m, vectors, count, result, func(b []byte) (int, bool) {
		length := len(b)
		for len(b) > 0 {
			i.call.check()
			n := min(len(b), chunk)
			if fd == 1 && i.program != nil {
				i.programWrite(b[:n])
			} else {
				i.call.write(to, level, b[:n])
			}
			b = b[n:]
		}
		return length, true
	})
}

func fdClose(_ *instance, _ api.Memory, s []uint64) uint64 {
	if uint32(s[0]) > 2 {
		return errnoBadf
	}
	return errnoSuccess
}

func randomGet(i *instance, m api.Memory, s []uint64) uint64 {
	b, ok := m.Read(uint32(s[0]), uint32(s[1]))
	if !ok {
		return errnoFault
	}
	for len(b) > 0 {
		n := min(len(b), chunk)
		rand.Read(b[:n]) // does not fail
		b = b[n:]
		i.call.check()
	}
	return errnoSuccess
}

// pollOneoff waits for the first of some clocks. Files have nothing to wait for.
func pollOneoff(i *instance, m api.Memory, s []uint64) uint64 {
	const subscription, event = 48, 32
	count := uint32(s[2])
	if count == 0 || count > maxSubscriptions {
		return errnoInval
	}
	in, ok := m.Read(uint32(s[0]), count*subscription)
	out, ok2 := m.Read(uint32(s[1]), count*event)
	if !ok || !ok2 || !m.WriteUint32Le(uint32(s[3]), count) {
		return errnoFault
	}
	wait := int64(-1)
	var events [maxSubscriptions * event]byte // the two vectors may overlap
	for n := range int(count) {
		sub, ev := in[n*subscription:], events[n*event:]
		copy(ev[:8], sub[:8])
		ev[10] = sub[8]
		if sub[8] != 0 {
			ev[8] = errnoNotsup
			wait = 0
			continue
		}
		d := i.until(sub)
		if wait < 0 || d < wait {
			wait = d
		}
	}
	copy(out, events[:])
	i.call.sleep(wait)
	return errnoSuccess
}

// until is how many nanoseconds remain until a clock subscription is due.
func (i *instance) until(sub []byte) int64 {
	at := int64(min(binary.LittleEndian.Uint64(sub[24:]), 1<<62))
	if binary.LittleEndian.Uint16(sub[40:])&1 == 0 {
		return at
	}
	now := i.plugin.clock.now()
	if binary.LittleEndian.Uint32(sub[16:]) == 0 {
		now = time.Now().UnixNano()
	}
	return max(at-now, 0)
}
