package kerneltest

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/carapace-gateway/carapace/kernel"
	"github.com/carapace-gateway/carapace/kernel/plugin/engine"
	"github.com/carapace-gateway/carapace/kernel/plugin/interpreter"
	"github.com/carapace-gateway/carapace/sdk/python"
)

// Python lets the kernel run plugins in Python.
func Python() Option {
	return func(o *kernel.Options) { o.Python = PythonEngine() }
}

// PythonEngine is what plugins in Python run on in tests.
func PythonEngine() engine.Python {
	return engine.Python{Boot: python.Boot(), Modules: python.Modules(), Interpreter: func() (engine.Source, error) {
		i := interpreter.Python()
		return engine.Source{Name: i.Name + ".wasm", Hash: i.SHA256, Open: func() ([]byte, error) { return os.ReadFile(PythonFile()) }}, nil
	}}
}

// PythonFile is where `make toolchains` has put the interpreter. A test runs in its package's folder, which is below the
// module's; a binary that was built with -trimpath does not know where its source is.
func PythonFile() string {
	root, err := os.Getwd()
	if err != nil {
		panic(err)
	}
	for !isFile(filepath.Join(root, "go.mod")) && root != filepath.Dir(root) {
		root = filepath.Dir(root)
	}
	return filepath.Join(root, "kernel", "runtime", "python", "node_modules", "@antonz", "python-wasi", "dist", "python.wasm")
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// PythonModule is the interpreter.
func PythonModule(t testing.TB) []byte {
	t.Helper()
	wasm, err := os.ReadFile(PythonFile())
	if err != nil {
		t.Fatalf("run `make toolchains` with npm there: %v", err)
	}
	return wasm
}
