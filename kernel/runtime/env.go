package runtime

import (
	"context"
	"math"

	"github.com/hashicorp/go-hclog"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/carapace-gateway/carapace/kernel/runtime/exchange"
	"github.com/carapace-gateway/carapace/wit"
)

// Import modules. Guests name the first four; the others are between the rewritten guest, the
// exchange module and the engine.
const (
	extismEnv    = "extism:host/env"
	extismUser   = "extism:host/user"
	memoryModule = "carapace:host/memory"
	wasiModule   = "wasi_snapshot_preview1"

	envModule  = "carapace:env"
	userModule = "carapace:user"
)

// envFunc is one of Extism's functions that Go code answers; the exchange module has the others.
type envFunc struct {
	exchange.Func
	call func(i *instance, stack []uint64)
}

func envFuncs() []envFunc {
	none, i32, word, words := []byte{}, []byte{exchange.I32}, exchange.Words(1), exchange.Words(2)
	f := []envFunc{
		{exchange.Func{Name: "config_get", Params: word, Results: word}, configGet},
		{exchange.Func{Name: "var_get", Params: word, Results: word}, varGet},
		{exchange.Func{Name: "var_set", Params: words, Results: none}, varSet},
		{exchange.Func{Name: "http_request", Params: words, Results: word}, httpRequest},
		{exchange.Func{Name: "http_status_code", Params: none, Results: i32}, func(i *instance, s []uint64) { s[0] = uint64(uint32(i.call.response.Status)) }},
		{exchange.Func{Name: "http_headers", Params: none, Results: word}, httpHeaders},
		{exchange.Func{Name: "get_log_level", Params: none, Results: i32}, func(i *instance, s []uint64) { s[0] = uint64(uint32(logLevel(i.plugin.spec.LogLevel))) }},
	}
	for _, level := range []hclog.Level{hclog.Trace, hclog.Debug, hclog.Info, hclog.Warn, hclog.Error} {
		f = append(f, envFunc{exchange.Func{Name: "log_" + level.String(), Params: word, Results: none},
			func(i *instance, s []uint64) { logAt(i, level, s[0]) }})
	}
	return f
}

// exchangeModule is the module that stands beside each guest and offers all of extism:host/env.
func exchangeModule() []byte {
	var host []exchange.Func
	for _, f := range envFuncs() {
		host = append(host, f.Func)
	}
	return exchange.Module(envModule, host)
}

func addEnv(ctx context.Context, r wazero.Runtime) error {
	b := r.NewHostModuleBuilder(envModule)
	for _, f := range envFuncs() {
		b.NewFunctionBuilder().WithGoFunction(api.GoFunc(func(ctx context.Context, stack []uint64) {
			i := instanceOf(ctx)
			i.call.asked = true
			i.call.check()
			f.call(i, stack)
		}), f.Params, f.Results).Export(f.Name)
	}
	_, err := b.Instantiate(ctx)
	return err
}

// view returns the block at off without copying, or stops the guest.
func (i *instance) view(off uint64, most int64, what string) []byte {
	b, err := i.exchange.View(off, most, what)
	return must(&i.call, b, err)
}

// put copies b into a new block and returns its offset, or stops the guest.
func (i *instance) put(b []byte) uint64 {
	off, err := i.exchange.Put(b)
	return must(&i.call, off, err)
}

// maxKey bounds the names of config values and variables, in bytes.
const maxKey = 4 << 10

func configGet(i *instance, s []uint64) {
	key := i.view(s[0], maxKey, "config key")
	if string(key) == ConfigPlugin {
		s[0] = i.put([]byte(i.plugin.spec.Plugin))
		return
	}
	value, ok := i.plugin.spec.Config[string(key)]
	if s[0] = 0; ok {
		s[0] = i.put([]byte(value))
	}
}

func varGet(i *instance, s []uint64) {
	value, ok := i.vars.values[string(i.view(s[0], maxKey, "variable name"))]
	if s[0] = 0; ok {
		s[0] = i.put(value)
	}
}

func varSet(i *instance, s []uint64) {
	most := i.plugin.limits.VarBytes
	name := string(i.view(s[0], maxKey, "variable name"))
	i.vars.remove(name)
	if s[1] != 0 && !i.vars.set(name, i.view(s[1], most, "variable"), most) {
		i.call.stop(wit.Errorf(wit.CodeTooLarge, "plugin %s: variables take more than %d bytes", i.plugin.spec.Plugin, most))
	}
	if !i.room.resize(&i.vars.counted, beyond(int(i.vars.bytes))) {
		i.call.stop(wit.Errorf(wit.CodeUnavailable, "plugin %s: no memory for its variables%s", i.plugin.spec.Plugin, i.call.reason()))
	}
}

// variables are what a guest keeps with the host between the calls of one instance.
type variables struct {
	values  map[string][]byte
	bytes   int64
	counted int64 // of them, in the instance's account
}

// varOverhead is what a variable costs beside its bytes.
const varOverhead = 64

// set keeps a copy of value under a name that was removed before. It returns false when that takes more than
// most bytes.
func (v *variables) set(name string, value []byte, most int64) bool {
	size := int64(len(name)+len(value)) + varOverhead
	if v.bytes+size > most {
		return false
	}
	if v.values == nil {
		v.values = map[string][]byte{}
	}
	v.values[name] = append([]byte(nil), value...)
	v.bytes += size
	return true
}

func (v *variables) remove(name string) {
	if old, ok := v.values[name]; ok {
		v.bytes -= int64(len(name)+len(old)) + varOverhead
		delete(v.values, name)
	}
}

// logLevel is a level as Extism numbers them.
func logLevel(l hclog.Level) int32 {
	switch l {
	case hclog.NoLevel:
		return 2
	case hclog.Off:
		return math.MaxInt32
	}
	return int32(l - hclog.Trace)
}

func logAt(i *instance, level hclog.Level, off uint64) {
	want := i.plugin.spec.LogLevel
	if want == hclog.NoLevel {
		want = hclog.Info
	}
	b := i.view(off, i.plugin.limits.ExchangeBytes, "log line")
	if level >= want {
		i.call.log(level, b)
	}
}
