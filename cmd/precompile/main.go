// Command precompile makes the seed of a WebAssembly module: its compilation for this machine's kind of
// processor, which the build embeds so that a first start compiles nothing. It writes beside the
// module what a gateway has to know of it before that, so that a start need not read it.
//
//	go run ./cmd/precompile -out builtin-plugins/dist/seed builtin-plugins/dist/bundle.wasm
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/carapace-gateway/carapace/kernel/plugin/engine"
	"github.com/carapace-gateway/carapace/kernel/plugin/source"
	"github.com/carapace-gateway/carapace/kernel/runtime"
)

func main() {
	out := flag.String("out", "seed", "the folder for the seed; what is in it is removed")
	flag.Parse()
	if err := run(context.Background(), *out, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "precompile:", err)
		os.Exit(1)
	}
}

// run compiles each file into an empty out.
func run(ctx context.Context, out string, files []string) (err error) {
	cache, err := os.MkdirTemp("", "precompile-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(cache)) }()
	compiler, err := runtime.New(ctx, runtime.Config{CacheDir: cache})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, compiler.Close(ctx)) }()
	if err := errors.Join(os.RemoveAll(out), os.MkdirAll(out, 0o755)); err != nil {
		return err
	}
	for _, file := range files {
		if err := seed(ctx, compiler, out, file); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return nil
}

// seed writes the compilation of one file under the name by which the engine's cache finds it.
func seed(ctx context.Context, compiler *runtime.Engine, out, file string) error {
	wasm, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(wasm)
	hash := hex.EncodeToString(sum[:])
	module := compiler.Load(runtime.Source{Name: file, Hash: hash, Open: func() ([]byte, error) { return wasm, nil }})
	defer module.Release()
	if err := module.Compile(ctx); err != nil {
		return err
	}
	var b bytes.Buffer
	name, err := compiler.Export(&b, hash)
	if err != nil {
		return err
	}
	info, err := engine.Inspect(wasm)
	if err != nil {
		return err
	}
	facts, err := json.Marshal(source.Facts{SHA256: hash, Info: info})
	if err != nil {
		return err
	}
	return errors.Join(os.WriteFile(filepath.Join(out, name), b.Bytes(), 0o644), os.WriteFile(source.FactsFile(file), facts, 0o644))
}
