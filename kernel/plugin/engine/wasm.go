package engine

import (
	"context"
	"net/http"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/kernel/runtime"
	"github.com/carapace-gateway/carapace/wit"
)

type wasmEngine struct{ engine *runtime.Engine }

func (w wasmEngine) Load(src Source) (Code, error) {
	return &wasmCode{w.engine.Load(runtime.Source{Name: src.Name, Hash: src.Hash, Open: src.Open}), src}, nil
}

type wasmCode struct {
	module *runtime.Module
	src    Source
}

func (c *wasmCode) Info(context.Context) (Info, error) {
	wasm, err := c.src.Open()
	if err != nil {
		return Info{}, err
	}
	return Inspect(wasm)
}

// Inspect is what a module imports and exports, by itself.
func Inspect(wasm []byte) (Info, error) {
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

func (c *wasmCode) Start(s Spec) (Caller, error) { return c.start(s), nil }

// start returns what calls the module, whose instances run the scripts if it is the interpreter.
func (c *wasmCode) start(s Spec, scripts ...runtime.Script) Caller {
	spec := specOf(s)
	spec.Scripts = scripts
	return wasmCaller{c.module.Pool(spec)}
}

// startProgram returns what calls the module, whose instances run the program.
func (c *wasmCode) startProgram(s Spec, program *runtime.Program) Caller {
	spec := specOf(s)
	spec.Program = program
	return wasmCaller{c.module.Pool(spec)}
}

func specOf(s Spec) runtime.Spec {
	mode := map[wit.Instances]runtime.Mode{wit.InstancesFresh: runtime.Fresh, wit.InstancesWarm: runtime.Warm, wit.InstancesSingle: runtime.Single}[s.Instances]
	functions := make(map[string]runtime.HostFunc, len(s.Functions))
	for name, fn := range s.Functions {
		functions[name] = fn
	}
	return runtime.Spec{
		Plugin: s.Plugin, Mode: mode, Config: s.Config, Functions: functions, HTTP: extismHTTP(s.HTTP), Log: s.Log,
		Limits: runtime.Limits{MemoryBytes: s.Memory, Deadline: s.Deadline, Instances: s.Calls, OutputBytes: s.Output},
	}
}

type wasmCaller struct{ pool *runtime.Pool }

func (c wasmCaller) Call(ctx context.Context, export string, in []byte) ([]byte, error) {
	return c.pool.Call(ctx, export, in)
}

func (c wasmCaller) Trace(ctx context.Context, export string, in []byte, t *Trace) ([]byte, error) {
	return c.pool.Trace(ctx, export, in, t)
}

func (c wasmCaller) Warm(ctx context.Context) error { return c.pool.Warm(ctx) }

func (c wasmCaller) Close(ctx context.Context) error { return c.pool.Close(ctx) }

func (c wasmCaller) Stats() Stats {
	s := c.pool.Stats()
	return Stats{Calls: s.Calls, Errors: s.Errors, CPU: s.GuestTime.Milliseconds(), Instances: s.Alive, Memory: s.Memory, Discarded: s.Discarded, Made: s.Instances}
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
