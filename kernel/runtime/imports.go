package runtime

import (
	"slices"
	"strconv"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/runtime/cache"
	"github.com/carapace-gateway/carapace/kernel/runtime/exchange"
	"github.com/carapace-gateway/carapace/kernel/runtime/meter"
	"github.com/carapace-gateway/carapace/wit"
)

// imports is what guests may import. It is read-only.
type imports struct {
	known map[string]string // functions of extism:host/env and carapace:host/memory, and their signatures
	wasi  map[string]bool   // names of WASI's
}

func newImports(wasi map[string]bool) *imports {
	known := map[string]string{}
	add := func(module string, f exchange.Func) {
		known[module+"."+f.Name] = names(f.Params) + ":" + names(f.Results)
	}
	for _, f := range bulkFuncs() {
		add(memoryModule, f.Func)
	}
	for _, f := range envFuncs() {
		add(extismEnv, f.Func)
	}
	for _, f := range exchange.Funcs() {
		add(extismEnv, f)
	}
	for _, f := range interpreterFuncs() {
		add(interpreterModule, exchange.Func{Name: f.name, Params: i32s(f.params), Results: i32s(f.results)})
	}
	return &imports{known, wasi}
}

func names(types []byte) string {
	s := make([]string, len(types))
	for i, t := range types {
		s[i] = map[byte]string{exchange.I32: "i32", exchange.I64: "i64"}[t]
	}
	return strings.Join(s, " ")
}

// maxTableElements bounds what a guest's tables grow to, eight bytes each, in Go's heap: nobody is asked when they grow.
const maxTableElements = 1 << 16

// startExport is the name under which a guest's start function is called, so that its stack is looked at like that of
// any other call. The engine would start it where nobody can.
const startExport = "carapace:start"

// meter checks what a module imports and makes it a guest: metered, its host functions numbered.
func (im *imports) meter(wasm []byte) (*cache.Guest, error) {
	info, err := meter.Inspect(wasm)
	if err != nil {
		return nil, err
	}
	g := &cache.Guest{MemoryBytes: info.MemoryBytes, TableBytes: info.TableBytes, DirectInput: directInput(info)}
	g.WASM, err = meter.Instrument(wasm, meter.Options{
		MaxTableElements: maxTableElements,
		Start:            startExport,
		Apart:            true,
		Image:            ImageExport,
		Import:           func(i meter.Import) (meter.Import, error) { return im.admit(g, i) },
	})
	return g, err
}

// directInput says that a module takes its input with the bulk function and looks nowhere else for it.
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

// admit checks one import against what the host offers, and numbers the plugin's own functions.
func (im *imports) admit(g *cache.Guest, i meter.Import) (meter.Import, error) {
	if i.Kind != "func" {
		return i, wit.Errorf(wit.CodeInvalid, "imports the %s %s.%s; only functions can be imported", i.Kind, i.Module, i.Name)
	}
	signature := strings.Join(i.Params, " ") + ":" + strings.Join(i.Results, " ")
	if i.Module == extismUser {
		return number(g, i, signature)
	}
	if i.Module == wasiModule && im.wasi[i.Name] {
		return i, nil
	}
	want, ok := im.known[i.Module+"."+i.Name]
	if !ok {
		return i, wit.Errorf(wit.CodeInvalid, "imports %s.%s, which this host does not have; build with an Extism PDK or a carapace SDK for target wasip1", i.Module, i.Name)
	}
	if want != signature {
		return i, wit.Errorf(wit.CodeInvalid, "imports %s.%s with another type than this host's; build with a current PDK", i.Module, i.Name)
	}
	return i, nil
}

// number turns the import of a function of the plugin's own into that of its number, see addUser.
func number(g *cache.Guest, i meter.Import, signature string) (meter.Import, error) {
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
}
