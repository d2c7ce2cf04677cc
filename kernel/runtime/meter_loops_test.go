package runtime_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/runtime/meter"
)

// TestLoopsGoOnAsTheyWere makes functions of nested loops at random, over more locals of each type than are kept in
// registers, or are followed at all. However often they tick, they compute the same.
func TestLoopsGoOnAsTheyWere(t *testing.T) {
	const seeds = 60
	ticks := 0
	for seed := range uint64(seeds) {
		l := &loops{Rand: rand.New(rand.NewPCG(seed, 0))}
		wasm := l.module()
		plain := newWorld(t, nil, nil)
		must(t, plain.load(wasm, "", specCommand{}))
		want, err := plain.act(specAction{Field: "f"})
		must(t, err)
		for _, interval := range []int64{1, 3, 0} {
			w := newWorld(t, nil, &meter.Options{Interval: interval})
			must(t, w.load(wasm, "", specCommand{}))
			got, err := w.act(specAction{Field: "f"})
			must(t, err)
			if !slices.Equal(got, want) {
				t.Fatalf("seed %d, interval %d: %x, want %x", seed, interval, got, want)
			}
			ticks += w.ticks
			must(t, w.r.Close(context.Background()))
		}
		must(t, plain.r.Close(context.Background()))
	}
	if ticks < 10*seeds {
		t.Errorf("%d functions ticked %d times", seeds, ticks)
	}
}

// loops writes functions at random.
type loops struct {
	*rand.Rand
	types  []byte // of the locals; the first ones count iterations
	helper byte
	code   []byte
	labels []bool // open blocks, true for one that can be left early
}

const deepest = 3

// number is a type of locals: its 1, how two are added, and how one is made an i64.
type number struct {
	one   []byte
	add   byte
	widen []byte
}

var numbers = map[byte]number{
	i32: {op(0x41, 1), 0x6a, op(0xad)},
	i64: {op(0x42, 1), 0x7c, nil},
	f32: {op(0x43, 0, 0, 0x80, 0x3f), 0x92, op(0xbc, 0xad)},
	f64: {op(0x44, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f), 0xa0, op(0xbd)},
}

const f32, f64 = 0x7d, 0x7c

func (l *loops) module() []byte {
	b := &builder{}
	l.helper = b.fn("", op(i64), op(i64), nil, op(0x03, 0x40), get(0), ci64(3), op(0x7c), tee(0), ci64(5), op(0x81), ci64(0), op(0x52, 0x0d, 0, 0x0b), get(0))
	l.types = bytes.Repeat(op(i32), deepest)
	for _, typ := range []byte{i32, i64, f32, f64} {
		l.types = append(l.types, bytes.Repeat(op(typ), 1+l.IntN(20))...)
	}
	for n, typ := range l.types[deepest:] {
		l.code = append(append(l.code, numbers[typ].one...), set(byte(deepest+n))...)
	}
	l.loop(0)
	l.code = append(l.code, ci64(0)...)
	for n, typ := range l.types {
		l.code = append(l.code, cat(get(byte(n)), numbers[typ].widen, op(0x7c), ci64(31), op(0x7e))...)
	}
	b.fn("f", nil, op(i64), l.types, l.code)
	return b.bytes()
}

func (l *loops) loop(depth int) {
	counter := byte(depth)
	l.code = append(l.code, cat(op(0x02, 0x40), ci32(int64(1+l.IntN(4))), set(counter), op(0x03, 0x40))...)
	l.labels = append(l.labels, true, false)
	for range 2 + l.IntN(5) {
		l.statement(depth)
	}
	l.labels = l.labels[:len(l.labels)-2]
	l.code = append(l.code, cat(get(counter), ci32(1), op(0x6b), tee(counter), op(0x0d, 0, 0x0b, 0x0b))...)
}

func (l *loops) statement(depth int) {
	typ := []byte{i32, i64, f32, f64}[l.IntN(4)]
	first, last := deepest+bytes.IndexByte(l.types[deepest:], typ), bytes.LastIndexByte(l.types, typ)
	pick := func() byte { return byte(first + l.IntN(last-first+1)) }
	switch l.IntN(8) {
	case 0, 1:
		if depth+1 < deepest {
			l.loop(depth + 1)
		}
	case 2:
		l.code = append(l.code, cat(op(0x02, 0x40), get(byte(depth)), ci32(1), op(0x71, 0x0d, 0))...)
		l.labels = append(l.labels, true)
		l.statement(depth)
		l.labels = l.labels[:len(l.labels)-1]
		l.code = append(l.code, 0x0b)
	case 3:
		to := l.IntN(len(l.labels))
		if at := len(l.labels) - 1 - to; l.labels[at] {
			l.code = append(l.code, cat(get(byte(depth)), ci32(2), op(0x46, 0x0d, byte(to)))...)
		}
	case 4:
		if typ == i64 {
			l.code = append(l.code, cat(get(pick()), call(l.helper), set(pick()))...)
		}
	default:
		l.code = append(l.code, cat(get(pick()), get(pick()), op(numbers[typ].add), set(pick()))...)
	}
}

// TestTicksGrowWithWork: what loops or recurs pays a step each time at least, code without loops and calls pays by its
// size, twice the work is twice the ticks, and they are evenly spread over it.
func TestTicksGrowWithWork(t *testing.T) {
	// down counts local n down to 0, and notes in the memory how far it has come.
	down := func(n byte, body ...[]byte) []byte {
		return cat(op(0x03, 0x40), cat(body...), ci32(0), get(n), op(0x36, 2, 0), get(n), ci32(1), op(0x6b), tee(n), op(0x0d, 0, 0x0b))
	}
	nine := cat(ci32(9), set(1), op(0x03, 0x40), get(1), ci32(1), op(0x6b), tee(1), op(0x0d, 0, 0x0b))
	b := &builder{}
	b.mem(1)
	small := b.fn("", op(i32), nil, nil, get(0), op(0x04, 0x40, 0x01, 0x05, 0x01, 0x0b))
	self := byte(b.nFuncs)
	b.fn("", op(i32), nil, nil, get(0), op(0x04, 0x40), get(0), ci32(1), op(0x6b), call(self), op(0x0b))
	b.fn("loop", op(i32), nil, nil, down(0))
	b.fn("loop that calls", op(i32), nil, nil, down(0, get(0), call(small)))
	b.fn("loop in a loop", op(i32), nil, op(i32), down(0, nine))
	b.fn("loop beside a call", op(i32), nil, op(i32), down(0, nine, get(0), call(small)))
	b.fn("loop beside a fill", op(i32), nil, op(i32), down(0, nine, ci32(8), ci32(0), ci32(160), op(0xfc, 11, 0)))
	b.fn("loop of recursions", op(i32), nil, nil, down(0, ci32(8), call(self)))
	b.fn("large loop", op(i32), nil, nil, down(0, times(1152, op(0x01))))
	w := newWorld(t, nil, &meter.Options{})
	must(t, w.load(b.bytes(), "", specCommand{}))
	var last, gap uint32
	w.seen = func() {
		now, _ := w.last.Memory().ReadUint32Le(0)
		gap, last = max(gap, last-now), now
	}
	ticks := func(name string, n uint32) int {
		before := w.ticks
		last, gap = n, 0
		w.last.Memory().WriteUint32Le(0, n)
		_, err := w.last.ExportedFunction(name).Call(context.Background(), uint64(n))
		must(t, err)
		return w.ticks - before
	}
	const n = 40 * meter.Interval
	for name, steps := range map[string]int{"loop": 1, "loop that calls": 1, "loop in a loop": 10, "loop beside a call": 10, "loop beside a fill": 20,
		"loop of recursions": 10, "large loop": 10} {
		once, twice := ticks(name, n), ticks(name, 2*n)
		if want := 40 * steps; once < want-1 || once > want+want/5+1 || twice < 2*once-2 || twice > 2*once+2 {
			t.Errorf("%s: %d ticks, and %d for twice the work; want %d", name, once, twice, want)
		}
		if most := meter.Interval / uint32(steps); gap > most+1 {
			t.Errorf("%s: %d iterations from one tick to the next; want %d at most", name, gap, most)
		}
	}
}
