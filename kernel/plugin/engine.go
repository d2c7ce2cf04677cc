package plugin

import (
	"context"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/host"
	"github.com/carapace-gateway/carapace/kernel/runtime"
	"github.com/carapace-gateway/carapace/wit"
)

// Engine runs code. The registry knows it by this seam only.
type Engine interface {
	// Load names code without reading it. Loads of the same hash share their machine code.
	Load(src CodeSource) (Code, error)
}

// CodeSource is where code comes from.
type CodeSource struct {
	Name string // for messages
	Hash string // hex SHA-256
	Open func() ([]byte, error)
}

// Code is one file of code, which several plugins may share.
type Code interface {
	// Info reads imports and exports without compiling, or says what is wrong with the file.
	Info(ctx context.Context) (Info, error)
	// Compile makes the machine code now rather than at the first call.
	Compile(ctx context.Context) error
	// Start returns what calls the code as one plugin. Nothing is compiled before its first call.
	Start(spec Spec) (Caller, error)
	// Release gives the code back, after its callers were closed.
	Release()
}

// Info is what a file of code needs and offers: names of functions by import module, and of exports.
type Info struct {
	Imports map[string][]string
	Exports []string
}

// Caller calls exports of one plugin.
type Caller interface {
	// Call runs an export. Errors are the plugin's own, or coded: unavailable for a trap, timeout.
	Call(ctx context.Context, export string, in []byte) ([]byte, error)
	Stats() CallStats
	// Close waits for running calls until ctx ends, and stops them then.
	Close(ctx context.Context) error
}

// CallStats are a caller's figures.
type CallStats struct {
	Calls     int64 `json:"calls"`
	Errors    int64 `json:"errors"`
	CPU       int64 `json:"cpuMs"`
	Instances int   `json:"instances"`
	Discarded int64 `json:"discarded,omitempty"`
}

func (s *CallStats) add(o CallStats) {
	s.Calls += o.Calls
	s.Errors += o.Errors
	s.CPU += o.CPU
	s.Instances += o.Instances
	s.Discarded += o.Discarded
}

// Spec is what a plugin is to the engine.
type Spec struct {
	// Plugin tells the instance which plugin of a bundle it is.
	Plugin    string
	Instances wit.Instances
	Config    map[string]string
	Functions map[string]host.Function
	HTTP      func(ctx context.Context, req *wit.HTTPRequest) (*wit.HTTPResponse, error)
	Log       func(level hclog.Level, line string)
	Memory    int64
	Deadline  time.Duration
	// Calls is how many run at a time.
	Calls int
}

// WASM is the engine that runs WebAssembly.
func WASM(e *runtime.Engine) Engine { return wasmEngine{e} }

type wasmEngine struct{ engine *runtime.Engine }

func (w wasmEngine) Load(src CodeSource) (Code, error) {
	return &wasmCode{w.engine.Load(runtime.Source{Name: src.Name, Hash: src.Hash, Open: src.Open}), src}, nil
}

type wasmCode struct {
	module *runtime.Module
	src    CodeSource
}

func (c *wasmCode) Info(context.Context) (Info, error) {
	wasm, err := c.src.Open()
	if err != nil {
		return Info{}, err
	}
	found, err := runtime.Inspect(wasm)
	if err != nil {
		return Info{}, err
	}
	info := Info{Imports: map[string][]string{}}
	for _, i := range found.Imports {
		if i.Kind == "func" {
			info.Imports[i.Module] = append(info.Imports[i.Module], i.Name)
		}
	}
	for _, e := range found.Exports {
		if e.Kind == "func" {
			info.Exports = append(info.Exports, e.Name)
		}
	}
	return info, nil
}

func (c *wasmCode) Compile(ctx context.Context) error { return c.module.Compile(ctx) }
func (c *wasmCode) Release()                          { c.module.Release() }

func (c *wasmCode) Start(s Spec) (Caller, error) {
	mode := map[wit.Instances]runtime.Mode{wit.InstancesFresh: runtime.Fresh, wit.InstancesWarm: runtime.Warm, wit.InstancesSingle: runtime.Single}[s.Instances]
	functions := make(map[string]runtime.HostFunc, len(s.Functions))
	for name, fn := range s.Functions {
		functions[name] = fn
	}
	return wasmCaller{c.module.Pool(runtime.Spec{
		Plugin: s.Plugin, Mode: mode, Config: s.Config, Functions: functions, HTTP: extismHTTP(s.HTTP), Log: s.Log,
		Limits: runtime.Limits{MemoryBytes: s.Memory, Deadline: s.Deadline, Instances: s.Calls, OutputBytes: wit.LimitAnswer},
	})}, nil
}

type wasmCaller struct{ pool *runtime.Pool }

func (c wasmCaller) Call(ctx context.Context, export string, in []byte) ([]byte, error) {
	return c.pool.Call(ctx, export, in)
}

func (c wasmCaller) Close(ctx context.Context) error { return c.pool.Close(ctx) }

func (c wasmCaller) Stats() CallStats {
	s := c.pool.Stats()
	return CallStats{Calls: s.Calls, Errors: s.Errors, CPU: s.GuestTime.Milliseconds(), Instances: s.Alive, Discarded: s.Discarded}
}

// extismHTTP serves Extism's own http_request, so that plugins built with any PDK go through the same
// permission as all others.
func extismHTTP(do func(context.Context, *wit.HTTPRequest) (*wit.HTTPResponse, error)) runtime.HTTPFunc {
	if do == nil {
		return nil
	}
	return func(ctx context.Context, r runtime.HTTPRequest) (runtime.HTTPResponse, error) {
		req := &wit.HTTPRequest{Method: r.Method, URL: r.URL}
		for name, value := range r.Header {
			req.Headers = append(req.Headers, wit.Header{Name: name, Value: value})
		}
		if utf8.Valid(r.Body) && len(r.Body) > 0 {
			req.Text = new(string(r.Body))
		} else {
			req.Bytes = r.Body
		}
		res, err := do(ctx, req)
		if err != nil {
			return runtime.HTTPResponse{}, err
		}
		out := runtime.HTTPResponse{Status: int(res.Status), Header: http.Header{}, Body: res.Bytes}
		for _, h := range res.Headers {
			out.Header.Add(h.Name, h.Value)
		}
		switch {
		case res.Text != nil:
			out.Body = []byte(*res.Text)
		case res.Media != nil:
			return runtime.HTTPResponse{}, wit.NewError(wit.CodeTooLarge, "http: the response is too large to be returned")
		}
		return out, nil
	}
}
