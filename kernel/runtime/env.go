package runtime

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
	"github.com/hashicorp/go-hclog"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
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

// envFunc is one of Extism's functions that Go code answers.
type envFunc struct {
	name            string
	params, results []byte
	call            func(i *instance, stack []uint64)
}

func envHostFunctions() []envFunc {
	none := []byte{}
	f := []envFunc{
		{"config_get", i64s(1), i64s(1), configGet},
		{"var_get", i64s(1), i64s(1), varGet},
		{"var_set", i64s(2), none, varSet},
		{"http_request", i64s(2), i64s(1), httpRequest},
		{"http_status_code", none, []byte{wasmI32}, func(i *instance, s []uint64) { s[0] = uint64(uint32(i.response.Status)) }},
		{"http_headers", none, i64s(1), httpHeaders},
		{"get_log_level", none, []byte{wasmI32}, func(i *instance, s []uint64) { s[0] = uint64(uint32(logLevel(i.pool.spec.LogLevel))) }},
	}
	for _, level := range []hclog.Level{hclog.Trace, hclog.Debug, hclog.Info, hclog.Warn, hclog.Error} {
		f = append(f, envFunc{"log_" + level.String(), i64s(1), none, func(i *instance, s []uint64) { logAt(i, level, s[0]) }})
	}
	return f
}

func instantiateEnv(ctx context.Context, r wazero.Runtime) error {
	b := r.NewHostModuleBuilder(envModule)
	for _, f := range envHostFunctions() {
		call := f.call
		b.NewFunctionBuilder().WithGoFunction(api.GoFunc(func(ctx context.Context, stack []uint64) {
			i := instanceOf(ctx)
			i.check()
			call(i, stack)
		}), f.params, f.results).Export(f.name)
	}
	_, err := b.Instantiate(ctx)
	return err
}

// must answers v, or stops the guest with err.
func must[T any](i *instance, v T, err error) T {
	if err != nil {
		i.stop(err)
	}
	return v
}

func (i *instance) text(off uint64, max int64, what string) string {
	return string(must(i, i.viewed(off, max, what), nil))
}

func (i *instance) viewed(off uint64, max int64, what string) []byte {
	b, err := i.view(off, max, what)
	return must(i, b, err)
}

func (i *instance) putOrStop(b []byte) uint64 {
	off, err := i.put(b)
	return must(i, off, err)
}

func configGet(i *instance, s []uint64) {
	key := i.viewed(s[0], maxConfigKey, "config key")
	if string(key) == ConfigPlugin {
		s[0] = i.putOrStop([]byte(i.pool.spec.Plugin))
		return
	}
	value, ok := i.pool.spec.Config[string(key)]
	if s[0] = 0; ok {
		s[0] = i.putOrStop([]byte(value))
	}
}

func varGet(i *instance, s []uint64) {
	value, ok := i.vars[string(i.viewed(s[0], maxConfigKey, "variable name"))]
	if s[0] = 0; ok {
		s[0] = i.putOrStop(value)
	}
}

func varSet(i *instance, s []uint64) {
	max := i.pool.limits.VarBytes
	name := i.text(s[0], maxConfigKey, "variable name")
	const overhead = 64 // what an entry costs beside its bytes
	if old, ok := i.vars[name]; ok {
		i.varBytes -= int64(len(name)+len(old)) + overhead
		delete(i.vars, name)
	}
	if s[1] == 0 {
		return
	}
	value := i.viewed(s[1], max, "variable")
	size := int64(len(name)+len(value)) + overhead
	if i.varBytes+size > max {
		i.stop(wit.Errorf(wit.CodeTooLarge, "plugin %s: variables take more than %d bytes", i.pool.spec.Plugin, max))
	}
	if i.vars == nil {
		i.vars = map[string][]byte{}
	}
	i.vars[name] = append([]byte(nil), value...)
	i.varBytes += size
}

func httpRequest(i *instance, s []uint64) {
	var wanted struct {
		Method  string
		URL     string `json:"url"`
		Headers map[string]string
	}
	i.response = HTTPResponse{}
	if err := json.Unmarshal(i.viewed(s[0], maxHTTPRequest, "HTTP request"), &wanted); err != nil {
		i.stop(wit.Errorf(wit.CodeInvalid, "plugin %s: its HTTP request is not valid JSON", i.pool.spec.Plugin))
	}
	r := HTTPRequest{Method: strings.ToUpper(wanted.Method), URL: wanted.URL, Header: wanted.Headers}
	if r.Method == "" {
		r.Method = http.MethodGet
	}
	r.Body = append([]byte(nil), i.viewed(s[1], i.pool.limits.ExchangeBytes, "HTTP request body")...)
	err := error(wit.NewError(wit.CodeForbidden, "http is not permitted to this plugin; declare the permission http in its manifest"))
	if i.pool.spec.HTTP != nil {
		i.host(func(ctx context.Context) {
			defer i.recovered(&err)
			i.response, err = i.pool.spec.HTTP(ctx, r)
		})
	}
	if err != nil {
		i.response = i.refusal(err)
	}
	s[0] = i.putOrStop(i.response.Body)
}

// refusal is a failed request as an HTTP response, which every PDK can show to its plugin.
func (i *instance) refusal(err error) HTTPResponse {
	e := i.visible("http_request", err)
	status := http.StatusBadGateway
	switch e.Code {
	case wit.CodeForbidden, wit.CodeUnauthorized, wit.CodeInvalid:
		status = http.StatusForbidden
	case wit.CodeRateLimited:
		status = http.StatusTooManyRequests
	case wit.CodeTimeout:
		status = http.StatusGatewayTimeout
	}
	return HTTPResponse{Status: status, Body: errorEnvelope(e), Header: http.Header{
		"Content-Type": {"application/json"}, "X-Carapace-Error": {string(e.Code)}}}
}

func httpHeaders(i *instance, s []uint64) {
	flat := make(map[string]string, len(i.response.Header))
	for name, values := range i.response.Header {
		flat[strings.ToLower(name)] = strings.Join(values, ",")
	}
	b, err := json.Marshal(flat)
	s[0] = i.putOrStop(must(i, b, err))
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
	want := i.pool.spec.LogLevel
	if want == hclog.NoLevel {
		want = hclog.Info
	}
	b := i.viewed(off, i.pool.limits.ExchangeBytes, "log line")
	if level >= want {
		i.log(level, b)
	}
}
