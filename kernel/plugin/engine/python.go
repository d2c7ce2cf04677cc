package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/carapace-gateway/carapace/kernel/plugin/script"
	"github.com/carapace-gateway/carapace/kernel/runtime"
	"github.com/carapace-gateway/carapace/wit"
)

// Python is what plugins in Python run on.
type Python struct {
	// Interpreter finds the interpreter's module. It is asked for with each plugin that is loaded, since it is installed apart
	// from the gateway; nil is a gateway that knows of none.
	Interpreter func() (Source, error)
	// Boot is the script that the interpreter is started with. It is given the files by their paths, and the entry's name.
	Boot string
	// Modules are files that plugins may import besides their own.
	Modules map[string]string
}

// load joins a plugin's files with the interpreter.
func (p Python) load(w wasmEngine, src Source) (Code, error) {
	if p.Interpreter == nil {
		return nil, wit.NewError(wit.CodeUnavailable, "this gateway runs no plugins in Python")
	}
	runs, err := p.Interpreter()
	if err != nil {
		return nil, err
	}
	module := w.engine.Load(runtime.Source{Name: runs.Name, Hash: runs.Hash, Open: runs.Open})
	c := &pythonCode{wasmCode: wasmCode{module, runs}, on: p, src: src}
	c.files = sync.OnceValues(c.read)
	return c, nil
}

// pythonCode is a plugin in Python with the interpreter that runs it.
type pythonCode struct {
	wasmCode
	on    Python
	src   Source
	files func() (script.Source, error)
}

func (c *pythonCode) read() (s script.Source, err error) {
	data, err := c.src.Open()
	if err != nil {
		return s, err
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != c.src.Hash {
		return s, wit.Errorf(wit.CodeUnavailable, "%s changes while it is read", c.src.Name)
	}
	return script.Decode(data)
}

// Info has the interpreter look for what is no Python, and says what the plugin defines at its top. What it imports shows when it
// asks for it.
func (c *pythonCode) Info(ctx context.Context) (Info, error) {
	s, err := c.files()
	if err == nil {
		err = c.check(ctx, s)
	}
	if err != nil {
		return Info{}, err
	}
	var info Info
	for _, name := range script.PythonExports(s.Files[s.Entry]) {
		if wit.Export(name) != nil {
			info.Exports = append(info.Exports, name)
		}
	}
	return info, nil
}

// check compiles the plugin's files in an instance that runs none of them. CodeInvalid with where the first is wrong.
func (c *pythonCode) check(ctx context.Context, s script.Source) error {
	program, err := c.program(s, slices.Sorted(maps.Keys(s.Files)))
	if err != nil {
		return err
	}
	caller := c.startProgram(Spec{Plugin: s.Entry, Instances: wit.InstancesFresh, Calls: 1}, program)
	defer caller.Close(ctx)
	_, err = caller.Call(ctx, "check", nil)
	return err
}

// Start implements Code.
func (c *pythonCode) Start(s Spec) (Caller, error) {
	own, err := c.files()
	if err != nil {
		return nil, err
	}
	program, err := c.program(own, nil)
	if err != nil {
		return nil, err
	}
	return c.startProgram(s, program), nil
}

// program is what the interpreter runs of a plugin; with files to check it only looks at these.
func (c *pythonCode) program(own script.Source, check []string) (*runtime.Program, error) {
	files := maps.Clone(own.Files)
	maps.Copy(files, c.on.Modules)
	given := map[string]any{"entry": strings.TrimSuffix(own.Entry, ".py"), "files": files}
	if check != nil {
		given["check"] = check
	}
	input, err := json.Marshal(given)
	if err != nil {
		return nil, err
	}
	// Isolated from the environment, without the module that looks for packages, and without files of compiled code: there is
	// nothing of all that.
	args := []string{"python", "-I", "-S", "-B", "-c", c.on.Boot}
	return &runtime.Program{Args: args, Input: string(input)}, nil
}
