// Package engine is the seam between plugins and what runs their code: code in, callers out.
//
// An Engine loads files of code, which several plugins may share; a Caller calls one plugin's exports, bytes
// in and bytes out, within its Spec. WASM is the engine of the gateway; a source of packages may bring
// another one. Everything is safe for concurrent use.
package engine

import (
	"context"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/host"
	"github.com/carapace-gateway/carapace/kernel/runtime"
	"github.com/carapace-gateway/carapace/wit"
)

// Engine runs code.
type Engine interface {
	// Load names code without reading it. Loads of the same hash share their machine code.
	Load(src Source) (Code, error)
}

// Source is where code comes from.
type Source struct {
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

// Crash is the error of a call that was the guest's own fault, with what the guest left behind.
type Crash = runtime.Crash

// Uncoded is the error of a call that failed with one that has no code of the contract.
type Uncoded = runtime.Uncoded

// Trace is what one call did, for who looks at it: how much, and never what was said.
type Trace = runtime.Trace

// Caller calls exports of one plugin.
type Caller interface {
	// Call runs an export; in is not kept. Errors are the plugin's own, or coded: unavailable for a trap, timeout. Where
	// the engine knows more for the plugin's author, a Crash is in the chain.
	Call(ctx context.Context, export string, in []byte) ([]byte, error)
	// Trace is Call that fills t in, as far as the engine knows.
	Trace(ctx context.Context, export string, in []byte, t *Trace) ([]byte, error)
	Stats() Stats
	// Warm has an instance ready for the next call, where instances are kept. Errors: Call's for one that cannot be made.
	Warm(ctx context.Context) error
	// Close waits for running calls until ctx ends, and stops them then.
	Close(ctx context.Context) error
}

// Stats are a caller's figures. CPU is in milliseconds, Instances are those in memory now, Memory the bytes that they
// hold, Made those that there have been.
type Stats struct {
	Calls     int64 `json:"calls"`
	Errors    int64 `json:"errors"`
	CPU       int64 `json:"cpuMs"`
	Instances int   `json:"instances"`
	Memory    int64 `json:"memory"`
	Discarded int64 `json:"discarded,omitempty"`
	Made      int64 `json:"-"`
}

// Add adds the figures of another caller.
func (s *Stats) Add(o Stats) {
	s.Calls += o.Calls
	s.Errors += o.Errors
	s.CPU += o.CPU
	s.Instances += o.Instances
	s.Memory += o.Memory
	s.Discarded += o.Discarded
	s.Made += o.Made
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
	// Memory bounds an instance, Output what a call returns, in bytes.
	Memory, Output int64
	Deadline       time.Duration
	// Calls is how many run at a time.
	Calls int
}
