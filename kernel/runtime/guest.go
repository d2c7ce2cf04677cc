package runtime

import (
	"slices"
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/runtime/meter"
	"github.com/carapace-gateway/carapace/wit"
)

// guest is a metered module with what its instances need to know. It is what the disk cache keeps.
type guest struct {
	Functions   []string // user functions by number
	MemoryBytes int64
	// DirectInput says that the guest never looks for its input in the exchange memory.
	DirectInput bool
	wasm        []byte
}

const maxTableElements = 1 << 20

func (e *Engine) meter(wasm []byte) (*guest, error) {
	info, err := meter.Inspect(wasm)
	if err != nil {
		return nil, err
	}
	g := &guest{MemoryBytes: info.MemoryBytes, DirectInput: directInput(info)}
	known := knownImports()
	g.wasm, err = meter.Instrument(wasm, meter.Options{
		MaxTableElements: maxTableElements,
		Import:           func(i meter.Import) (meter.Import, error) { return g.admit(i, known, e.wasi) },
	})
	return g, err
}

func directInput(info meter.Info) bool {
	direct := false
	for _, i := range info.Imports {
		switch i.Module + "." + i.Name {
		case memoryModule + ".input":
			direct = true
		case extismEnv + ".input_offset", extismEnv + ".input_load_u8", extismEnv + ".input_load_u64":
			return false
		}
	}
	return direct
}

// admit checks one import against what the host offers, and numbers user functions.
func (g *guest) admit(i meter.Import, known map[string]string, wasi map[string]bool) (meter.Import, error) {
	if i.Kind != "func" {
		return i, wit.Errorf(wit.CodeInvalid, "imports the %s %s.%s; only functions can be imported", i.Kind, i.Module, i.Name)
	}
	signature := strings.Join(i.Params, " ") + ":" + strings.Join(i.Results, " ")
	switch i.Module {
	case extismUser:
		if signature != "i64:i64" {
			return i, wit.Errorf(wit.CodeInvalid, "imports %s.%s with another type than (i64) -> i64", i.Module, i.Name)
		}
		n := slices.Index(g.Functions, i.Name)
		if n < 0 {
			n = len(g.Functions)
			g.Functions = append(g.Functions, i.Name)
		}
		if n >= maxUserFunctions {
			return i, wit.Errorf(wit.CodeInvalid, "imports more than %d host functions", maxUserFunctions)
		}
		i.Module, i.Name = userModule, strconv.Itoa(n)
		return i, nil
	case wasiModule:
		if wasi[i.Name] {
			return i, nil
		}
	}
	want, ok := known[i.Module+"."+i.Name]
	if !ok {
		return i, wit.Errorf(wit.CodeInvalid, "imports %s.%s, which this host does not have; build with an Extism PDK or a carapace SDK for target wasip1", i.Module, i.Name)
	}
	if want != signature {
		return i, wit.Errorf(wit.CodeInvalid, "imports %s.%s with another type than this host's; build with a current PDK", i.Module, i.Name)
	}
	return i, nil
}

// knownImports maps the functions of extism:host/env and carapace:host/memory to their signatures.
func knownImports() map[string]string {
	known := map[string]string{}
	add := func(module, name string, params, results []byte) {
		known[module+"."+name] = names(params) + ":" + names(results)
	}
	for _, f := range bulkFunctions() {
		add(memoryModule, f.name, f.params, nil)
	}
	for _, f := range envHostFunctions() {
		add(extismEnv, f.name, f.params, f.results)
	}
	for _, f := range exchangeFunctions(0) {
		add(extismEnv, f.name, f.params, f.results)
	}
	return known
}

func names(types []byte) string {
	s := make([]string, len(types))
	for i, t := range types {
		s[i] = map[byte]string{wasmI32: "i32", wasmI64: "i64"}[t]
	}
	return strings.Join(s, " ")
}
