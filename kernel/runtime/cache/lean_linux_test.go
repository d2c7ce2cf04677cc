package cache

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/tetratelabs/wazero"

	"github.com/carapace-gateway/carapace/kernel/runtime/leb"
)

// functions is how many a module has that is worth a file.
const functions = 1000

// large is a module with a function "n" for each number, which returns it: machine code of more than leanFrom.
func large() []byte {
	section := func(id byte, body []byte) []byte {
		return append(binary.AppendUvarint([]byte{id}, uint64(len(body))), body...)
	}
	count := func(b []byte) []byte { return append(binary.AppendUvarint(nil, uint64(functions)), b...) }
	var types, code []byte
	for n := range functions {
		types = append(types, 0)
		body := []byte{0} // no locals
		for range 200 {
			body = append(leb.AppendSigned(append(body, 0x41), int64(n)), 0x24, 0) // i32.const n, global.set 0
		}
		body = append(leb.AppendSigned(append(body, 0x41), int64(n)), 0x0b)
		code = append(binary.AppendUvarint(code, uint64(len(body))), body...)
	}
	wasm := []byte("\x00asm\x01\x00\x00\x00")
	wasm = append(wasm, section(1, []byte{1, 0x60, 0, 1, 0x7f})...)
	wasm = append(wasm, section(3, count(types))...)
	wasm = append(wasm, section(6, []byte{1, 0x7f, 1, 0x41, 0, 0x0b})...)
	last := binary.AppendUvarint([]byte{1, 4, 'l', 'a', 's', 't', 0}, uint64(functions-1))
	wasm = append(wasm, section(7, last)...)
	return append(wasm, section(10, count(code))...)
}

// collect returns when what nobody refers to is gone, also what its finalizers give back: of two in a row, whose finalizers one
// goroutine runs, those of the first have run when one of the second has.
func collect() {
	for range 2 {
		done := make(chan struct{})
		runtime.SetFinalizer(new([64]byte), func(*[64]byte) { close(done) })
		for gone := false; !gone; {
			runtime.GC()
			select {
			case <-done:
				gone = true
			default:
				runtime.Gosched()
			}
		}
	}
}

// TestMachineCodeLivesInAFile: what was loaded is in a file without a name, runs, and goes with its module.
func TestMachineCodeLivesInAFile(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	var log bytes.Buffer
	c, err := Open(Config{Dir: dir, Runtime: wazero.NewRuntimeConfigCompiler(), Log: hclog.New(&hclog.LoggerOptions{Output: &log, Level: hclog.Debug})})
	if err != nil {
		t.Fatal(err)
	}
	wasm := large()
	if err := c.Store(ctx, "h", &Guest{WASM: wasm}, true); err != nil {
		t.Fatal(err)
	}
	mapped := func() bool {
		maps, err := os.ReadFile("/proc/self/maps")
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(maps)) {
			if strings.Contains(line, "r-xp") && strings.Contains(line, dir) && strings.Contains(line, "(deleted)") {
				return true
			}
		}
		return false
	}
	for range 2 { // as after it was given back
		collect() // what was compiled to be stored is there until then, however seldom the test's own garbage is collected
		r := wazero.NewRuntimeWithConfig(ctx, c.RuntimeConfig())
		m, _ := c.Load(ctx, r, "h")
		for try := 0; m != nil && !mapped() && try < 100; try++ { // a module that was closed is there until it is collected
			_ = m.Close(ctx)
			collect()
			m, _ = c.Load(ctx, r, "h")
		}
		if m == nil || !mapped() {
			t.Fatalf("loaded %v, in a file %t\n%s", m, mapped(), log.String())
		}
		instance, err := r.InstantiateModule(ctx, m, wazero.NewModuleConfig())
		if err != nil {
			t.Fatal(err)
		}
		if got, err := instance.ExportedFunction("last").Call(ctx); err != nil || got[0] != functions-1 {
			t.Errorf("it returns %v, %v", got, err)
		}
		if left, _ := filepath.Glob(filepath.Join(dir, "making-*")); len(left) > 0 {
			t.Errorf("%v is left", left)
		}
		if err := errors.Join(m.Close(ctx), r.Close(ctx)); err != nil {
			t.Error(err)
		}
	}
	if err := c.Close(ctx); err != nil {
		t.Error(err)
	}
	c = nil
	for range 100 { // wazero gives memory back when it is collected
		if collect(); !mapped() {
			return
		}
	}
	t.Error("it is there after all that was loaded")
}

// TestCodeThatIsNotAsExpectedStays: nothing is replaced by what is not the same.
func TestCodeThatIsNotAsExpectedStays(t *testing.T) {
	c := &Cache{dir: t.TempDir()}
	if err := os.MkdirAll(filepath.Join(c.dir, "code"), 0o700); err != nil {
		t.Fatal(err)
	}
	long := append([]byte("WAZEVO\x01v\x00\x00\x00\x00\x00\x00\x20\x00\x00\x00\x00\x00"), make([]byte, 2<<20)...)
	for name, data := range map[string][]byte{
		"empty": nil, "another form": []byte("something else"), "cut off": long[:10], "no code": []byte("WAZEVO\x01v\x00\x00\x00\x00"),
		"too large": []byte("WAZEVO\x01v\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\x7f"), "not in memory": long,
	} {
		if err := os.WriteFile(filepath.Join(c.dir, "code", "x"), data, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := c.lean("x"); err == nil {
			t.Errorf("%s: it was replaced", name)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(c.dir, "making-*")); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}
