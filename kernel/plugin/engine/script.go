package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"

	"github.com/carapace-gateway/carapace/kernel/plugin/script"
	"github.com/carapace-gateway/carapace/kernel/runtime"
	"github.com/carapace-gateway/carapace/wit"
)

// JavaScript is what plugins that are scripts run on.
type JavaScript struct {
	// Interpreter opens the interpreter's module. It is asked for with the first plugin that needs it; nil is a gateway
	// that was built without.
	Interpreter func() ([]byte, error)
	// Prelude runs in each instance before the plugin's script.
	Prelude string
	Bundler script.Bundler
}

// Scripts runs plugins whose entry is a script on its language's interpreter, and the others on wasm.
func Scripts(e *runtime.Engine, on JavaScript, python Python) Engine {
	return &scriptEngine{wasm: wasmEngine{e}, on: on, python: python, interpreter: sync.OnceValues(func() (Source, error) { return interpreter(on) }), turns: make(chan struct{}, bundlesAtOnce)}
}

type scriptEngine struct {
	wasm        wasmEngine
	on          JavaScript
	python      Python
	interpreter func() (Source, error)
	turns       chan struct{} // of bundling

	mu      sync.Mutex
	bundles map[string]*script.Bundle // by the hash of what they were made of
}

// maxBundles bounds how many bundles are remembered besides those of the code that is loaded; bundling again is all that
// forgetting costs. bundlesAtOnce are made at a time, each by a process of its own: with many plugins all are looked at
// when the gateway starts.
const (
	maxBundles    = 64
	bundlesAtOnce = 2
)

// preludeFile is what stacks call the prelude.
const preludeFile = "carapace.js"

func interpreter(on JavaScript) (Source, error) {
	if on.Interpreter == nil {
		return Source{}, wit.NewError(wit.CodeUnavailable, "this gateway was built without the JavaScript interpreter: build it where npm is")
	}
	wasm, err := on.Interpreter()
	if err != nil {
		return Source{}, wit.Errorf(wit.CodeUnavailable, "the JavaScript interpreter cannot be read: %w", err)
	}
	sum := sha256.Sum256(wasm)
	return Source{Name: "quickjs.wasm", Hash: hex.EncodeToString(sum[:]), Open: on.Interpreter}, nil
}

// Load implements Engine.
func (s *scriptEngine) Load(src Source) (Code, error) {
	if !script.IsEntry(src.Name) {
		return s.wasm.Load(src)
	}
	if script.IsPython(src.Name) {
		return s.python.load(s.wasm, src)
	}
	runs, err := s.interpreter()
	if err != nil {
		return nil, err
	}
	module := s.wasm.engine.Load(runtime.Source{Name: runs.Name, Hash: runs.Hash, Open: runs.Open})
	return &scriptCode{wasmCode: wasmCode{module, runs}, engine: s, script: src}, nil
}

// bundle bundles a script, or finds it bundled.
func (s *scriptEngine) bundle(ctx context.Context, src Source) (*script.Bundle, error) {
	if known := s.bundled(src.Hash); known != nil {
		return known, nil
	}
	select {
	case s.turns <- struct{}{}:
		defer func() { <-s.turns }()
	case <-ctx.Done():
		return nil, wit.Errorf(wit.CodeUnavailable, "%s is not bundled: %w", src.Name, ctx.Err())
	}
	if known := s.bundled(src.Hash); known != nil { // by another who had a turn
		return known, nil
	}
	data, err := src.Open()
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != src.Hash {
		return nil, wit.Errorf(wit.CodeUnavailable, "%s changes while it is read", src.Name)
	}
	files, err := script.Decode(data)
	if err != nil {
		return nil, err
	}
	b, err := s.on.Bundler.Bundle(ctx, files)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bundles == nil {
		s.bundles = map[string]*script.Bundle{}
	}
	for hash := range s.bundles {
		if len(s.bundles) >= maxBundles {
			delete(s.bundles, hash)
		}
	}
	s.bundles[src.Hash] = b
	return b, nil
}

// bundled is a bundle that is remembered, or nil.
func (s *scriptEngine) bundled(hash string) *script.Bundle {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bundles[hash]
}

// scriptCode is a script with the interpreter that runs it.
type scriptCode struct {
	wasmCode
	engine *scriptEngine
	script Source
	kept   atomic.Pointer[script.Bundle] // for as long as it is loaded
}

// bundle is the script's, which is made once.
func (c *scriptCode) bundle(ctx context.Context) (*script.Bundle, error) {
	if b := c.kept.Load(); b != nil {
		return b, nil
	}
	b, err := c.engine.bundle(ctx, c.script)
	if err == nil {
		c.kept.Store(b)
	}
	return b, err
}

// Info says what the script exports, as a module would. What it imports shows when it asks for it.
func (c *scriptCode) Info(ctx context.Context) (Info, error) {
	b, err := c.bundle(ctx)
	if err != nil {
		return Info{}, err
	}
	var info Info
	for _, name := range b.Exports {
		if export := snake(name); wit.Export(export) != nil {
			info.Exports = append(info.Exports, export)
		}
	}
	return info, nil
}

// snake is a name as the contract has it, toolInvoke being tool_invoke.
func snake(name string) string {
	var b strings.Builder
	for _, r := range name {
		if unicode.IsUpper(r) {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// Start implements Code.
func (c *scriptCode) Start(s Spec) (Caller, error) {
	b, err := c.bundle(context.Background())
	if err != nil {
		return nil, err
	}
	positions := sync.OnceValue(b.Positions)
	return c.start(s,
		runtime.Script{File: preludeFile, Code: c.engine.on.Prelude},
		runtime.Script{File: script.Bundled, Code: b.Code, Position: func(line, column int) (string, bool) { return positions().Of(line, column) }}), nil
}
