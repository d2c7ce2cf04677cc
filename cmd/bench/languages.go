package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	builtin "github.com/carapace-gateway/carapace/builtin-plugins"
	"github.com/carapace-gateway/carapace/cmd/examples"
	"github.com/carapace-gateway/carapace/kernel/plugin/engine"
	"github.com/carapace-gateway/carapace/kernel/plugin/interpreter"
	"github.com/carapace-gateway/carapace/kernel/plugin/script"
	"github.com/carapace-gateway/carapace/kernel/runtime"
	"github.com/carapace-gateway/carapace/sdk/js"
	"github.com/carapace-gateway/carapace/wit"
)

// language is one that plugins are written in, with the example of a tool in it.
type language struct {
	name, folder string
	tool, args   string
}

// What the tools of the examples are called with.
const (
	dice  = `{"sides":20}`
	words = `{"text":"two words"}`
)

// languages are those that are measured, where what builds their example is there.
func languages() []language {
	return []language{
		{"Go", "go-tool", "roll", dice},
		{"Go, Extism's PDK", "go-extism-tool", "count_words", words},
		{"TypeScript", "ts-tool", "roll", dice},
		{"Python", "py-tool", "roll", dice},
		{"Rust", "rust-tool", "roll", dice},
		{"C", "c-tool", "roll", dice},
		{"Zig", "zig-tool", "roll", dice},
		{"AssemblyScript", "as-tool", "roll", dice},
		{"AssemblyScript, Extism's PDK", "as-extism-tool", "count_words", words},
	}
}

// How often a tool is called, after a few calls that are not counted.
const (
	languageCalls = 5000
	languageWarm  = 500
)

// costOfLanguages measures what a tool costs in each language.
func costOfLanguages(ctx context.Context, _ string) ([]table, error) {
	t := table{Title: "What a language costs",
		Note: "The smallest tool in each: the file that is loaded, its compilation where nothing is in the cache, the memory of an instance, and a call with arguments in JSON and a text as its answer, in an instance that is kept. " +
			"TypeScript is bundled where others are compiled, and Python read by its interpreter; all that is written in one of them shares that.",
		Head: []string{"language", "example", "size", "compile", "memory per instance", "call p50", "p99", "to Go's"}}
	if err := examples.FindCompilers("."); err != nil {
		return nil, err
	}
	var ofGo time.Duration
	for _, l := range languages() {
		x, err := readExample(ctx, l.folder)
		if wit.CodeOf(err) == wit.CodeUnavailable {
			t.Note += fmt.Sprintf(" %s is left out: %s.", l.name, strings.TrimSpace(err.Error()))
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.name, err)
		}
		row, call, err := l.measure(ctx, x)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.name, err)
		}
		if ofGo == 0 {
			ofGo = call
		}
		t.Rows = append(t.Rows, append(row, ratio(float64(call), float64(ofGo))))
	}
	return []table{t}, nil
}

// measure returns the row of a language but for its end, and the time of a call.
func (l language) measure(ctx context.Context, x *example) (row []string, call time.Duration, err error) {
	cache, err := os.MkdirTemp("", "carapace-bench-")
	if err != nil {
		return nil, 0, err
	}
	defer os.RemoveAll(cache)
	wasm, err := runtime.New(ctx, runtime.Config{CacheDir: cache})
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, wasm.Close(ctx)) }()
	code, size, compile, err := x.load(ctx, wasm)
	if err != nil {
		return nil, 0, err
	}
	defer code.Release()
	caller, err := code.Start(engine.Spec{Plugin: x.id, Instances: wit.InstancesWarm, Memory: 64 << 20, Output: 1 << 20, Deadline: 10 * time.Second, Calls: 1})
	if err != nil {
		return nil, 0, err
	}
	defer caller.Close(ctx)
	all, err := l.calls(ctx, caller)
	if err != nil {
		return nil, 0, err
	}
	call = quantile(all, 50)
	return []string{l.name, "[`" + l.folder + "`](" + l.folder + ")", size, ms(compile), mb(caller.Stats().Memory), us(call), us(quantile(all, 99))}, call, nil
}

// calls has the tool called over and over, and returns how long each call took, in order of their length.
func (l language) calls(ctx context.Context, caller engine.Caller) ([]time.Duration, error) {
	in := wit.Marshal(&wit.ToolInvocation{Name: l.tool, Args: wit.JSON(l.args), Config: wit.JSON("{}"), Context: wit.ToolContext{
		Agent: "main", Session: "agent:main:main", Run: "r1", CallID: "c1", Now: time.Now().UnixMilli(), TimeZone: "Europe/Zurich",
	}})
	all := make([]time.Duration, languageCalls)
	for n := -languageWarm; n < languageCalls; n++ {
		begin := time.Now()
		out, err := caller.Call(ctx, "tool_invoke", in)
		if n >= 0 {
			all[n] = time.Since(begin)
		}
		var says wit.ToolOutput
		if err == nil {
			err = wit.Unmarshal(out, &says)
		}
		if err != nil || len(says.Content) == 0 || says.Failed {
			return nil, fmt.Errorf("the tool says %s: %w", out, err)
		}
	}
	slices.Sort(all)
	return all, nil
}

// load compiles an example, or bundles it, and returns how large it is for people.
func (x *example) load(ctx context.Context, wasm *runtime.Engine) (code engine.Code, size string, took time.Duration, err error) {
	on := engine.JavaScript{Interpreter: builtin.Interpreter, Prelude: js.Prelude(), Bundler: script.Bundler{Module: js.Name, SDK: js.Module()}}
	data := x.code
	if script.IsEntry(x.entry) {
		if data, err = (script.Source{Entry: x.entry, Files: map[string]string{x.entry: string(x.code)}}).Encode(); err != nil {
			return nil, "", 0, err
		}
	}
	sum := sha256.Sum256(data)
	src := engine.Source{Name: x.entry, Hash: hex.EncodeToString(sum[:]), Open: func() ([]byte, error) { return data, nil }}
	if code, err = engine.Scripts(wasm, on, python()).Load(src); err != nil {
		return nil, "", 0, err
	}
	begin := time.Now()
	if !script.IsEntry(x.entry) {
		err = code.Compile(ctx)
		return code, kb(len(x.code)), time.Since(begin), err
	}
	if script.IsPython(x.entry) {
		if err := code.Compile(ctx); err != nil { // the interpreter's, which is for all of them
			return nil, "", 0, err
		}
		begin = time.Now()
	}
	if _, err = code.Info(ctx); err != nil {
		return nil, "", 0, err
	}
	took = time.Since(begin)
	if script.IsPython(x.entry) {
		return code, kb(len(x.code)) + ", and " + kb(int(interpreter.Python().Bytes)) + " once", took, nil
	}
	quickjs, err := builtin.Interpreter()
	return code, kb(len(x.code)) + ", and " + kb(len(quickjs)) + " once", took, err
}

func kb(bytes int) string { return fmt.Sprintf("%.1f KB", float64(bytes)/1024) }
