package meter_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/runtime/meter"
	"github.com/carapace-gateway/carapace/wit"
)

// How the pass behaves on whole modules is tested beside the compiler, in package runtime: the
// specification's suite and a fuzz target.

const header = "\x00asm\x01\x00\x00\x00"

// TestLies feeds counts that promise more than the file has. Each is refused before anything of
// that size is allocated.
func TestLies(t *testing.T) {
	const huge = "\xff\xff\xff\xff\x0f"
	types, funcs := "\x01\x04\x01\x60\x00\x00", "\x03\x02\x01\x00"
	body := func(locals string) string {
		code := "\x01" + locals + "\x0b"
		code = string(rune(len(code))) + code
		code = "\x01" + code
		return header + types + funcs + "\x0a" + string(rune(len(code))) + code
	}
	for name, wasm := range map[string]string{
		"types":             header + "\x01\x05" + huge,
		"parameters":        header + "\x01\x07\x01\x60" + huge,
		"imports":           header + "\x02\x05" + huge,
		"import name":       header + "\x02\x06\x01" + huge,
		"functions":         header + types + "\x03\x05" + huge,
		"tables":            header + "\x04\x05" + huge,
		"table elements":    header + "\x04\x08\x01\x70\x00" + huge,
		"globals":           header + "\x06\x05" + huge,
		"exports":           header + "\x07\x05" + huge,
		"elements":          header + "\x09\x05" + huge,
		"element functions": header + "\x09\x0a\x01\x00\x41\x00\x0b" + huge,
		"bodies":            header + types + funcs + "\x0a\x05" + huge,
		"locals":            body("\x01" + huge + "\x7f"),
		"local groups":      body(huge),
		"branch table":      header + types + funcs + "\x0a\x0b\x01\x09\x00\x41\x00\x0e" + huge,
		"data":              header + "\x0b\x05" + huge,
		"data bytes":        header + "\x0b\x0a\x01\x00\x41\x00\x0b" + huge,
		"section":           header + "\x01" + huge,
		"custom name":       header + "\x00\x05" + huge,
	} {
		t.Run(name, func(t *testing.T) {
			var err error
			allocated := testing.AllocsPerRun(1, func() { _, err = meter.Instrument([]byte(wasm), meter.Options{}) })
			if wit.CodeOf(err) != wit.CodeInvalid {
				t.Errorf("err = %v", err)
			}
			if allocated > 1000 {
				t.Errorf("%.0f allocations", allocated)
			}
		})
	}
}

func TestEveryTruncationIsRefusedOrWhole(t *testing.T) {
	whole := header + "\x01\x05\x01\x60\x00\x01\x7f\x03\x02\x01\x00\x07\x05\x01\x01f\x00\x00\x0a\x06\x01\x04\x00\x41\x2a\x0b"
	for n := range len(whole) {
		_, err := meter.Instrument([]byte(whole[:n]), meter.Options{})
		ends := []int{8, 15} // after whole sections, with nothing promised
		if (err == nil) != slices.Contains(ends, n) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	if _, err := meter.Instrument([]byte(whole), meter.Options{}); err != nil {
		t.Error(err)
	}
}

func TestInspect(t *testing.T) {
	wasm := header + "\x01\x06\x01\x60\x01\x7e\x01\x7f" + "\x02\x08\x01\x03env\x01f\x00\x00"
	if _, err := meter.Inspect([]byte(wasm)); err == nil {
		t.Error("an import section of a wrong length is accepted")
	}
	wasm = header + "\x01\x06\x01\x60\x01\x7e\x01\x7f" + "\x02\x09\x01\x03env\x01f\x00\x00" + "\x05\x03\x01\x00\x02" +
		"\x07\x0b\x02\x03mem\x02\x00\x01g\x00\x00"
	info, err := meter.Inspect([]byte(wasm))
	if err != nil {
		t.Fatal(err)
	}
	if info.MemoryBytes != 128<<10 || len(info.Imports) != 1 || len(info.Exports) != 2 {
		t.Fatalf("info = %+v", info)
	}
	i, e := info.Imports[0], info.Exports[1]
	if i.Module != "env" || i.Name != "f" || i.Kind != "func" || strings.Join(i.Params, "") != "i64" || strings.Join(i.Results, "") != "i32" {
		t.Errorf("import = %+v", i)
	}
	if e.Name != "g" || e.Kind != "func" || strings.Join(e.Results, "") != "i32" || info.Exports[0].Kind != "memory" {
		t.Errorf("exports = %+v", info.Exports)
	}
}

// TestHidingPlaces: encodings that another decoder may read differently.
func TestHidingPlaces(t *testing.T) {
	code := func(instructions string) []byte {
		body := "\x00" + instructions + "\x0b"
		return []byte(header + "\x01\x04\x01\x60\x00\x00\x03\x02\x01\x00\x0a" + string(rune(len(body)+2)) + "\x01" + string(rune(len(body))) + body)
	}
	for name, instructions := range map[string]string{
		"long form of a vector opcode":  "\xfd\x8c\x80\x00" + strings.Repeat("\x01", 16) + "\x1a",
		"the fuel global":               "\x42\x00\x24\x00",
		"the fuel global, read":         "\x23\x00\x1a",
		"the scratch local":             "\x42\x00\x21\x00",
		"a helper function":             "\x10\x02",
		"a helper's type":               "\x41\x00\x11\x01\x00",
		"code after the end":            "\x0b\x01",
		"an exception":                  "\x08\x00",
		"an atomic operation":           "\xfe\x03\x00",
		"a typed reference":             "\x14\x00",
		"a second memory":               "\x41\x00\x40\x01\x1a",
		"an integer longer than it may": "\x41\x80\x80\x80\x80\x80\x00\x1a",
	} {
		if _, err := meter.Instrument(code(instructions), meter.Options{}); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// memoryOfOnePage is a module with a memory of a page, a mutable global of type i32 that it exports by that name, and data.
func memoryOfOnePage(name string, data string) []byte {
	exports := "\x01" + string(rune(len(name))) + name + "\x03\x00"
	return []byte(header + "\x05\x03\x01\x00\x01" + "\x06\x06\x01\x7f\x01\x41\x07\x0b" +
		"\x07" + string(rune(len(exports))) + exports + "\x0b" + string(rune(len(data))) + data)
}

func TestDataStandApartWhereNothingCanTell(t *testing.T) {
	const (
		two         = "\x02\x00\x41\x10\x0b\x02hi\x00\x41\x20\x0b\x03you"
		overlapping = "\x02\x00\x41\x10\x0b\x02hi\x00\x41\x11\x0b\x03you"
		passive     = "\x01\x01\x02hi"
		outside     = "\x01\x00\x41\xff\xff\x03\x0b\x02hi"
	)
	for data, apart := range map[string]bool{two: true, overlapping: false, passive: false, outside: false} {
		out, err := meter.Instrument(memoryOfOnePage("g", data), meter.Options{Apart: true})
		if err != nil {
			t.Fatal(err)
		}
		segments, err := meter.Data(out)
		if err != nil || (len(segments) > 0) != apart {
			t.Errorf("%q: %v, %v", data, segments, err)
		}
		again, err := meter.Instrument(out, meter.Options{})
		if err != nil {
			t.Errorf("%q: what comes out is not accepted: %v", data, err)
		}
		// What a module says in a section of this name is not believed.
		if said, err := meter.Data(again); err != nil || len(said) > 0 {
			t.Errorf("%q: %v, %v", data, said, err)
		}
	}
	out, err := meter.Instrument(memoryOfOnePage("g", two), meter.Options{Apart: true})
	if err != nil {
		t.Fatal(err)
	}
	var memory [64]byte
	segments, _ := meter.Data(out)
	for _, s := range segments {
		copy(memory[s.At:], s.Bytes)
	}
	if got := strings.Trim(string(memory[0x10:0x23]), "\x00"); got != "hi"+strings.Repeat("\x00", 14)+"you" {
		t.Errorf("the memory has %q", got)
	}
}

func TestGlobalsAreExportedWhereAModuleAsks(t *testing.T) {
	const data = "\x00"
	o := meter.Options{Image: "copy"}
	for name, want := range map[string]bool{"copy": true, "other": false} {
		out, err := meter.Instrument(memoryOfOnePage(name, data), o)
		if err != nil {
			t.Fatal(err)
		}
		info, err := meter.Inspect(out)
		if err != nil {
			t.Fatal(err)
		}
		// Its own, and what the pass counts by.
		for n := range 3 {
			has := slices.ContainsFunc(info.Exports, func(e meter.Export) bool { return e.Name == meter.GlobalName(n) })
			if has != (want && n < 2) {
				t.Errorf("export %s: %s is %v", name, meter.GlobalName(n), has)
			}
		}
	}
	if _, err := meter.Instrument(memoryOfOnePage(meter.GlobalName(0), data), o); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("a module exports a name of the host's: %v", err)
	}
}
