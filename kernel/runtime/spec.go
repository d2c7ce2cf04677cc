package runtime

import (
	"context"
	"net/http"
	"time"

	"github.com/hashicorp/go-hclog"
)

// Mode says how long an instance lives.
type Mode uint8

const (
	// Fresh makes a new instance for each call: nothing of one call is left for the next.
	Fresh Mode = iota
	// Warm keeps instances between calls until they have been idle for Limits.Idle.
	Warm
	// Single keeps one instance for as long as the pool is open. It is replaced only after a trap
	// or a deadline.
	Single
)

// String returns the word that manifests use.
func (m Mode) String() string {
	return [...]string{"fresh", "warm", "single"}[min(m, Single)]
}

// HostFunc is a function that a guest may call: JSON in, JSON out. in belongs to it. An error goes to
// the guest as data; one without a code is logged and shown to the guest as internal, without its
// text. ctx ends when the guest's call does.
type HostFunc func(ctx context.Context, in []byte) ([]byte, error)

// HTTPRequest is what a guest asks for through Extism's own http_request.
type HTTPRequest struct {
	Method string
	URL    string
	Header map[string]string
	Body   []byte
}

// HTTPResponse is the answer to an HTTPRequest.
type HTTPResponse struct {
	Status int
	Header http.Header
	Body   []byte
}

// HTTPFunc carries out a guest's HTTP request, with whatever checks belong to it. An error reaches
// the guest as a response: 403, 429, 504 or 502 by its code, the error as JSON in the body.
type HTTPFunc func(ctx context.Context, r HTTPRequest) (HTTPResponse, error)

// LogFunc takes one line that a guest wrote, at most 4 KB long. It must not keep the guest waiting.
type LogFunc func(level hclog.Level, line string)

// Limits bound one plugin. A zero field means its default.
type Limits struct {
	MemoryBytes   int64         // linear memory of an instance; 64 MB
	ExchangeBytes int64         // what is in flight between guest and host in one call; 64 MB
	Deadline      time.Duration // of one call, waiting for host functions included; 30 s
	Instances     int           // calls at a time; 4, and always 1 for Single
	Idle          time.Duration // after which, or twice that, an instance is given back; 30 s; at most 2 s where it is a copy, see ImageExport
	OutputBytes   int64         // of one answer, and of one argument to a host function; 4 MB
	VarBytes      int64         // of Extism's variables in one instance; 1 MB
}

// Spec says what one plugin is to its instances.
type Spec struct {
	Plugin    string // its id; told to the guest as config key "carapace:plugin"
	Mode      Mode
	Config    map[string]string // Extism's config; not changed after Pool
	Functions map[string]HostFunc
	HTTP      HTTPFunc // nil: http_request is answered with 403
	Log       LogFunc  // nil: dropped
	LogLevel  hclog.Level
	Limits    Limits
	// Scripts are run in order by each instance when it starts, where the module is the JavaScript interpreter.
	Scripts []Script
	// Program is what runs in each instance from when it starts, where the module is a command.
	Program *Program
}

// interpreted says that the module runs what is not WebAssembly.
func (s *Spec) interpreted() bool { return len(s.Scripts) > 0 || s.Program != nil }

// ConfigPlugin is the config key under which an instance reads which plugin it is; a bundle of
// several plugins in one module decides by it.
const ConfigPlugin = "carapace:plugin"

// withDefaults fills in what is zero, and rounds memories to the 64 KB pages of WebAssembly.
func (l Limits) withDefaults(m Mode) Limits {
	def := func(v *int64, d int64) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&l.MemoryBytes, 64<<20)
	def(&l.ExchangeBytes, 64<<20)
	def(&l.OutputBytes, 4<<20)
	def(&l.VarBytes, 1<<20)
	def((*int64)(&l.Deadline), int64(30*time.Second))
	def((*int64)(&l.Idle), int64(30*time.Second))
	if l.Instances <= 0 {
		l.Instances = 4
	}
	if m == Single {
		l.Instances = 1
	}
	l.MemoryBytes = min(l.MemoryBytes, 1<<32) &^ (1<<16 - 1)
	l.ExchangeBytes = min(l.ExchangeBytes, 1<<31) &^ (1<<16 - 1)
	return l
}
