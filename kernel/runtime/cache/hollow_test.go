package cache

import (
	"bytes"
	"context"
	"os"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/tetratelabs/wazero"
)

// constant is a module whose one function, "get", returns n.
func constant(n byte) []byte {
	return []byte("\x00asm\x01\x00\x00\x00" +
		"\x01\x05\x01\x60\x00\x01\x7f" + // a type: nothing to i32
		"\x03\x02\x01\x00" + // a function of it
		"\x07\x07\x01\x03get\x00\x00" + // its name
		"\x0a\x06\x01\x04\x00\x41" + string(n) + "\x0b") // what it does
}

// TestModulesAreKeptHollow: what is kept has no functions, what runs is theirs, and modules that differ in nothing else are two.
func TestModulesAreKeptHollow(t *testing.T) {
	ctx := context.Background()
	c, err := Open(Config{Dir: t.TempDir(), Runtime: wazero.NewRuntimeConfigCompiler(), Log: hclog.NewNullLogger()})
	if err != nil {
		t.Fatal(err)
	}
	r := wazero.NewRuntimeWithConfig(ctx, c.RuntimeConfig())
	defer r.Close(ctx)
	for n, hash := range map[byte]string{1: "one", 2: "two"} {
		if err := c.Store(ctx, hash, &Guest{WASM: constant(n)}, true); err != nil {
			t.Fatal(err)
		}
		kept, err := os.ReadFile(c.path(hash))
		if err != nil || bytes.Contains(kept, []byte{0x41, n, 0x0b}) || !bytes.Contains(kept, []byte{0x00, 0x0b}) {
			t.Errorf("kept %q: %v", kept, err)
		}
	}
	for n, hash := range map[byte]string{1: "one", 2: "two"} {
		compiled, _ := c.Load(ctx, r, hash)
		if compiled == nil {
			t.Fatalf("%s is not there", hash)
		}
		m, err := r.InstantiateModule(ctx, compiled, wazero.NewModuleConfig().WithName(hash))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := m.ExportedFunction("get").Call(ctx); err != nil || got[0] != uint64(n) {
			t.Errorf("%s returns %v: %v", hash, got, err)
		}
	}
}

func TestHollowRefuses(t *testing.T) {
	for name, wasm := range map[string]string{
		"nothing":              "",
		"a section cut off":    "\x00asm\x01\x00\x00\x00\x01",
		"a size beyond it":     "\x00asm\x01\x00\x00\x00\x01\x7f",
		"a size without end":   "\x00asm\x01\x00\x00\x00\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
		"too many functions":   "\x00asm\x01\x00\x00\x00\x0a\x02\xff\x01",
		"a number without end": "\x00asm\x01\x00\x00\x00\x0a\x01\xff",
	} {
		if _, err := hollow([]byte(wasm)); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
