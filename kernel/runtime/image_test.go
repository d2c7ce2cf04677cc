package runtime_test

import (
	"context"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/runtime"
	"github.com/carapace-gateway/carapace/wit"
)

// Where the guest of copyGuest keeps what.
const (
	copyRandom = 4096 // eight bytes that its start has drawn
	copyStarts = 4112 // how often it has started, and beside it what pages it grew by
	copyPoked  = 4128 // what a call has left
)

// copyGuest is a guest whose start draws random bytes, counts itself and grows. A byte of its own data is on each side.
func copyGuest(image, asks bool) []byte {
	b := &builder{}
	random := b.imp("wasi_snapshot_preview1", "random_get", op(i32, i32), op(i32))
	output := b.imp("carapace:host/memory", "output", op(i32, i32), nil)
	level := env(b, "get_log_level", nil, op(i32))
	b.mem(1)
	b.data = cat(op(0), ci32(copyStarts), op(0x0b), vec([]byte("A")), op(0), ci32(copyPoked), op(0x0b), vec([]byte("p")))
	b.nData = 2
	start := [][]byte{ci32(copyRandom), ci32(8), call(random), op(0x1a),
		ci32(copyStarts), ci32(copyStarts), op(0x2d, 0, 0), ci32(1), op(0x6a), op(0x3a, 0, 0),
		ci32(copyStarts + 1), ci32(2), op(0x40, 0), op(0x3a, 0, 0)}
	if asks {
		start = append(start, call(level), op(0x1a))
	}
	b.fn("_initialize", nil, nil, nil, start...)
	look := func(at int64, n int64) [][]byte { return [][]byte{ci32(at), ci32(n), call(output), ci32(0)} }
	b.fn("random", nil, op(i32), nil, look(copyRandom, 8)...)
	b.fn("starts", nil, op(i32), nil, look(copyStarts, 2)...)
	b.fn("poke", nil, op(i32), nil, append([][]byte{ci32(copyPoked), ci32('!'), op(0x3a, 0, 0)}, look(copyPoked, 1)...)...)
	b.fn("poked", nil, op(i32), nil, look(copyPoked, 1)...)
	b.fn("pages", nil, op(i32), nil, append([][]byte{ci32(copyPoked + 8), op(0x3f, 0), op(0x3a, 0, 0)}, look(copyPoked+8, 1)...)...)
	b.fn("trap", nil, op(i32), nil, op(0))
	if image {
		b.fn(runtime.ImageExport, nil, nil, nil)
	}
	return b.bytes()
}

func TestInstancesBeginAsCopies(t *testing.T) {
	e := newEngine(t, runtime.Config{})
	for name, c := range map[string]struct{ image, asks, copied bool }{
		"that says so":           {image: true, copied: true},
		"that does not":          {},
		"that asked of the host": {image: true, asks: true},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPool(t, e, copyGuest(c.image, c.asks), runtime.Spec{Mode: runtime.Fresh})
			first, second, third := mustCall(t, p, "random", ""), mustCall(t, p, "random", ""), mustCall(t, p, "random", "")
			if first == strings.Repeat("\x00", 8) || (first == second) != c.copied || (second == third) != c.copied {
				t.Errorf("their starts have drawn %x, %x and %x", first, second, third)
			}
			for range 2 {
				if got := mustCall(t, p, "starts", ""); got != "B\x01" {
					t.Errorf("it counts %q starts and pages before", got)
				}
				if got := mustCall(t, p, "pages", ""); got != "\x03" {
					t.Errorf("it has %q pages", got)
				}
				if got := mustCall(t, p, "poked", ""); got != "p" {
					t.Errorf("a call before has left %q", got)
				}
				if got := mustCall(t, p, "poke", ""); got != "!" {
					t.Errorf("it has written %q", got)
				}
			}
		})
	}
}

func TestPluginsOfOneModuleDoNotSeeEachOthersMemory(t *testing.T) {
	e := newEngine(t, runtime.Config{})
	wasm := copyGuest(true, false)
	one := newPool(t, e, wasm, runtime.Spec{Plugin: "one", Mode: runtime.Warm})
	mustCall(t, one, "poke", "")
	other := newPool(t, e, wasm, runtime.Spec{Plugin: "other", Mode: runtime.Warm})
	if got := mustCall(t, other, "poked", ""); got != "p" {
		t.Errorf("it has %q of the other's", got)
	}
	if mustCall(t, one, "poked", "") != "!" {
		t.Error("a warm instance has lost what it wrote")
	}
	// What follows an instance that broke is a copy of the start, and not of that one.
	if _, err := one.Call(context.Background(), "trap", nil); err == nil {
		t.Fatal("it did not trap")
	}
	if got := mustCall(t, one, "poked", ""); got != "p" {
		t.Errorf("it has %q of the instance before", got)
	}
}

func TestCopyNeedsItsMemory(t *testing.T) {
	e := newEngine(t, runtime.Config{})
	wasm := copyGuest(true, false)
	mustCall(t, newPool(t, e, wasm, runtime.Spec{Plugin: "large", Mode: runtime.Fresh}), "starts", "")
	small := newPool(t, e, wasm, runtime.Spec{Plugin: "small", Mode: runtime.Fresh, Limits: runtime.Limits{MemoryBytes: 2 << 16}})
	if _, err := small.Call(context.Background(), "starts", nil); wit.CodeOf(err) != wit.CodeTooLarge || !strings.Contains(err.Error(), "limits.memory") {
		t.Errorf("err = %v", err)
	}
}

// A Go guest keeps its stack's place and more in globals.
func TestGoGuestsBeginAsCopies(t *testing.T) {
	e := newEngine(t, runtime.Config{})
	p := newPool(t, e, goGuest(t, fastPkg), runtime.Spec{Mode: runtime.Fresh})
	large := strings.Repeat("0123456789abcdef", 1<<16)
	for range 3 {
		if mustCall(t, p, "echo", large) != large {
			t.Error("it answers something else")
		}
		if got := mustCall(t, p, "json", `{"id":"m","text":"hello","tags":["a"],"count":41}`); !strings.Contains(got, "42") {
			t.Errorf("it answers %q", got)
		}
	}
}
