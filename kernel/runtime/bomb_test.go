package runtime_test

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/runtime"
	"github.com/carapace-gateway/carapace/kernel/runtime/meter"
	"github.com/carapace-gateway/carapace/wit"
)

func times(n int, parts ...[]byte) []byte { return bytes.Repeat(cat(parts...), n) }

// bombs are small modules that keep a compiler busy out of all proportion. size is what each is made of.
var bombs = []struct {
	name  string
	size  int
	words string
	build func(b *builder, n int)
}{
	{"a branch table whose labels take a thousand values each", 30_000, "values in branches", func(b *builder, n int) {
		t := b.typ(nil, bytes.Repeat(op(i64), 1000))
		b.fn("f", nil, nil, nil, op(0x02), leb(int64(t)), times(1000, ci64(0)), ci32(0), op(0x0e), uleb(n), make([]byte, n+1),
			op(0x0b), times(1000, op(0x1a)))
	}},
	{"branches that take a thousand values each", 5_000, "values in branches", func(b *builder, n int) {
		t := b.typ(nil, bytes.Repeat(op(i64), 1000))
		b.fn("f", nil, nil, nil, op(0x02), leb(int64(t)), times(1000, ci64(0)), times(n, ci32(0), op(0x0d, 0)), op(0x0b), times(1000, op(0x1a)))
	}},
	{"calls that take a thousand values each", 5_000, "values in branches", func(b *builder, n int) {
		values := bytes.Repeat(op(i64), 1000)
		g := b.fn("", values, values, nil, op(0x00))
		b.fn("f", nil, nil, nil, times(1000, ci64(0)), times(n, call(g)), times(1000, op(0x1a)))
	}},
	{"a branch table of a million labels", 1_000_000, "values in branches", func(b *builder, n int) {
		b.fn("f", nil, nil, nil, op(0x02, 0x40), ci32(0), op(0x0e), uleb(n), make([]byte, n+1), op(0x0b))
	}},
	{"blocks in blocks", 20_000, "nests more than", func(b *builder, n int) {
		b.fn("f", nil, nil, nil, times(n, op(0x02, 0x40)), times(n, op(0x0b)))
	}},
	{"loops in loops", 1_000, "nests more than 100 loops", func(b *builder, n int) {
		b.fn("f", nil, nil, nil, times(n, op(0x03, 0x40)), times(n, op(0x0b)))
	}},
	{"deep blocks, over and over", 200, "locals and blocks", func(b *builder, n int) {
		for range n {
			b.fn("", nil, nil, nil, times(1000, op(0x02, 0x40)), times(1000, op(0x0b)))
		}
	}},
	{"loops beside loops over many locals", 5_000, "locals and blocks", func(b *builder, n int) {
		b.fn("f", nil, nil, bytes.Repeat(op(i32), 1000), times(n, op(0x03, 0x40), get(0), op(0x0d, 0), op(0x0b)))
	}},
	{"more locals than anybody needs", 30_000, "locals", func(b *builder, n int) {
		b.fn("f", nil, nil, bytes.Repeat(op(i32), n))
	}},
	{"a function of four megabytes", 4 << 20, "of code", func(b *builder, n int) {
		b.fn("f", nil, nil, nil, times(n, op(0x01)))
	}},
}

// TestCompileBombs shows that what would keep the compiler busy is refused by reading it.
func TestCompileBombs(t *testing.T) {
	e := newEngine(t, runtime.Config{})
	for _, bomb := range bombs {
		t.Run(bomb.name, func(t *testing.T) {
			b := &builder{}
			bomb.build(b, bomb.size)
			m := e.Load(source("test", b.bytes()))
			defer m.Release()
			start := time.Now()
			err := m.Compile(context.Background())
			if wit.CodeOf(err) != wit.CodeInvalid || !strings.Contains(err.Error(), bomb.words) {
				t.Errorf("%d bytes: %v (%s), want invalid with %q", len(b.bytes()), err, wit.CodeOf(err), bomb.words)
			}
			t.Logf("%d bytes were refused after %v", len(b.bytes()), time.Since(start))
		})
	}
}

// TestRealModulesAreFarFromTheBounds meters what toolchains made.
func TestRealModulesAreFarFromTheBounds(t *testing.T) {
	modules := map[string][]byte{"kitchen": goGuest(t, kitchen), "fast": goGuest(t, fastPkg)}
	for _, name := range []string{"more", "popular"} {
		if bundle, err := os.ReadFile("../../builtin-plugins/dist/" + name + ".wasm"); err == nil {
			modules[name] = bundle
		}
	}
	for name, wasm := range modules {
		if _, err := meter.Instrument(wasm, meter.Options{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzWork nests, branches and calls as the bytes say. What the pass accepts has to be within its bounds, counted
// here by another way.
func FuzzWork(f *testing.F) {
	f.Add([]byte{0, 1, 2, 3, 4, 5}, uint16(50), uint16(3))
	f.Add(bytes.Repeat([]byte{0}, 5000), uint16(10), uint16(0))
	f.Add(bytes.Repeat([]byte{1}, 300), uint16(2000), uint16(0))
	f.Add(append([]byte{0}, bytes.Repeat([]byte{3}, 2000)...), uint16(1), uint16(900))
	f.Fuzz(func(t *testing.T, steps []byte, locals, values uint16) {
		locals, values = locals%30_000, values%1000
		b := &builder{}
		wide := b.typ(nil, bytes.Repeat(op(i64), int(values)))
		var code []byte
		var loops, open []bool
		moved, joined, deepest := 0, 0, 0
		for _, s := range steps {
			switch s % 4 {
			case 0:
				code = append(append(code, 0x02), leb(int64(wide))...)
				joined += int(locals) + len(open)
				open = append(open, false)
				moved += int(values)
			case 1:
				code = append(code, 0x03, 0x40)
				joined += int(locals) + len(open)
				open, loops = append(open, true), append(loops, true)
			case 2:
				if n := len(open); n > 0 {
					if open[n-1] {
						loops = loops[1:]
					}
					open, code = open[:n-1], append(code, 0x0b)
				}
			case 3:
				if n := len(open); n > 0 && !open[n-1] {
					code = append(code, 0x0c, 0)
					moved += int(values)
				}
			}
			deepest = max(deepest, len(open))
		}
		code = append(code, bytes.Repeat(op(0x0b), len(open))...)
		b.fn("f", nil, nil, bytes.Repeat(op(i32), int(locals)), code)
		_, err := meter.Instrument(b.bytes(), meter.Options{})
		if err == nil && (moved > 100_000 || joined > 1_500_000 || deepest > 4_001 || locals > 20_000) {
			t.Fatalf("accepted: %d values, %d joins, %d deep, %d locals", moved, joined, deepest, locals)
		}
	})
}
