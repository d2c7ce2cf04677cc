package cache

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/carapace-gateway/carapace/kernel/child"
	"github.com/carapace-gateway/carapace/kernel/runtime/meter"
	"github.com/carapace-gateway/carapace/wit"
)

// Compile leaves the machine code of metered wasm in dir, as one file. CodeInvalid for what is not a valid module or
// is too much work, CodeUnavailable when ctx has ended or there was no time, errors of package fs for the disk's.
type Compile func(ctx context.Context, dir string, wasm []byte) error

// compileInto compiles in this process. The compiler is gone afterwards, with all its memory.
func compileInto(ctx context.Context, dir string, wasm []byte, rc wazero.RuntimeConfig) error {
	files, err := wazero.NewCompilationCacheWithDir(dir)
	if err != nil {
		return err
	}
	defer files.Close(ctx)
	r := wazero.NewRuntimeWithConfig(ctx, rc.WithCompilationCache(files))
	defer r.Close(ctx)
	if _, err = r.CompileModule(ctx, wasm); err == nil || isDisk(err) {
		return err
	}
	return wit.Errorf(wit.CodeInvalid, "not a valid module: %w", err)
}

// compileHere is the Compile of this process.
func (c *Cache) compileHere(ctx context.Context, dir string, wasm []byte) error {
	return compileInto(ctx, dir, wasm, c.runtime)
}

// Bounds of a compilation in a process of its own. Processor time does not depend on what else the machine does; a
// Go-built megabyte takes half a second of it, and forty megabytes of memory.
const (
	processorBase  = 10 * time.Second
	processorPerMB = 4 * time.Second
	memoryBase     = 512 << 20
	memoryPerMB    = 64 << 20
	longest        = 5 * time.Minute // by the clock
)

func processorLimit(bytes int) time.Duration {
	return processorBase + time.Duration(bytes>>20)*processorPerMB
}
func memoryLimit(bytes int) uint64 { return memoryBase + uint64(bytes>>20)*memoryPerMB }

// Exit codes of Serve's process. Others are the system's, or a fatal error of Go.
const (
	exitInvalid = 10 + iota
	exitDisk
	exitBroken
)

// InProcess compiles in a process of its own, which command starts: the same program, so that it calls Serve with the
// arguments that follow.
func InProcess(command []string) Compile {
	return func(ctx context.Context, dir string, wasm []byte) error {
		said := child.NewHead(4 << 10)
		state, err := child.Run(ctx, append(command[:len(command):len(command)], dir), wasm, longest, nil, said)
		if err != nil && wit.CodeOf(err) == wit.CodeUnavailable {
			return wit.Errorf(wit.CodeUnavailable, "compiling %w", err)
		}
		return outcome(err, state, string(said.Bytes()), len(wasm))
	}
}

// outcome says what became of a process that compiled so many bytes.
func outcome(err error, state *os.ProcessState, said string, bytes int) error {
	switch {
	case err == nil:
		return nil
	case state == nil:
		return wit.Errorf(wit.CodeUnavailable, "the compiling process: %w", err)
	case state.ExitCode() == exitInvalid:
		return wit.NewError(wit.CodeInvalid, said)
	case state.ExitCode() == exitDisk:
		return fmt.Errorf("the compiling process: %s", said)
	case state.UserTime()+state.SystemTime() >= processorLimit(bytes)-time.Second:
		return wit.Errorf(wit.CodeInvalid, "compiling it takes more than %v of processor time, which is what a module of %d KB gets: make its functions smaller",
			processorLimit(bytes), bytes>>10)
	}
	return wit.Errorf(wit.CodeInvalid, "the compiler failed (%v), or it takes more than %d MB of memory to compile: %.200s", err, memoryLimit(bytes)>>20, said)
}

// Serve is the process that InProcess starts: it compiles what comes by in into dir, and returns its exit code. What
// went wrong is written to out.
func Serve(ctx context.Context, rc wazero.RuntimeConfig, dir string, in io.Reader, out io.Writer) (code int) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	err := serve(ctx, rc, dir, in)
	if err == nil {
		return 0
	}
	fmt.Fprint(out, err)
	switch {
	case isDisk(err):
		return exitDisk
	case wit.CodeOf(err) == wit.CodeInvalid:
		return exitInvalid
	}
	return exitBroken
}

func serve(ctx context.Context, rc wazero.RuntimeConfig, dir string, in io.Reader) error {
	wasm, err := child.Receive(in, 2*meter.MaxModuleBytes, func(n int) child.Limits {
		return child.Limits{Processor: processorLimit(n), Memory: memoryLimit(n)}
	})
	if err != nil {
		return err
	}
	return compileInto(experimental.WithCompilationWorkers(ctx, child.Workers()), dir, wasm, rc)
}

// Memory compiles in this process, for a runtime that uses the cache, when nothing can be kept on disk.
func (c *Cache) Memory(ctx context.Context, r wazero.Runtime, wasm []byte) (wazero.CompiledModule, error) {
	m, err := r.CompileModule(ctx, wasm)
	if isDisk(err) {
		// The engine has the machine code and could not write it down: it finds it, the second time.
		return r.CompileModule(ctx, wasm)
	}
	return m, err
}
