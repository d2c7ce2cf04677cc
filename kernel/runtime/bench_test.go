package runtime_test

import (
	"context"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/runtime"
)

var benchCases = []struct{ name, export, in string }{
	{"noop", "noop", ""},
	{"echo46", "echo", "a request of exactly forty-six bytes, as usual"},
	{"json", "json", `{"id":"m-123456","text":"hello there","tags":["a","b"],"count":41}`},
	{"echo4k", "echo", strings.Repeat("x", 4<<10)},
	{"echo1m", "echo", strings.Repeat("x", 1<<20)},
}

func BenchmarkCall(b *testing.B) {
	wasm := goGuest(b, kitchen)
	e := newEngine(b, runtime.Config{})
	p := newPool(b, e, wasm, runtime.Spec{Mode: runtime.Warm})
	for _, c := range benchCases {
		b.Run("guest=go/case="+c.name+"/host=carapace", func(b *testing.B) {
			in := []byte(c.in)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := p.Call(context.Background(), c.export, in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
