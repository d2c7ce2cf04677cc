package cache

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/experimental"

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
// arguments that follow. The process has bounds on its time and memory and no secrets in its environment, makes way
// for the gateway's work, and ends with ctx and with the gateway.
func InProcess(command []string) Compile {
	return func(ctx context.Context, dir string, wasm []byte) error {
		limited, cancel := context.WithTimeout(ctx, longest)
		defer cancel()
		child := exec.CommandContext(limited, command[0], append(command[1:len(command):len(command)], dir)...)
		child.Env = []string{"GOTRACEBACK=none", "GOMAXPROCS=" + strconv.Itoa(workers())}
		child.WaitDelay, child.SysProcAttr = time.Second, ownGroup()
		said := &head{left: 4 << 10}
		child.Stderr = said
		in, err := child.StdinPipe()
		if err != nil {
			return err
		}
		if err := child.Start(); err != nil {
			return wit.Errorf(wit.CodeUnavailable, "no process to compile in: %w", err)
		}
		// The pipe stays open until the process has ended: its end tells it that the gateway is gone.
		_, _ = in.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(wasm))))
		_, _ = in.Write(wasm)
		err = child.Wait()
		if cause := context.Cause(limited); err != nil && cause != nil {
			return wit.Errorf(wit.CodeUnavailable, "compiling was given up: %w", cause)
		}
		return outcome(err, child.ProcessState, string(said.b), len(wasm))
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
	var size [4]byte
	if _, err := io.ReadFull(in, size[:]); err != nil {
		return err
	}
	n := binary.LittleEndian.Uint32(size[:])
	if n > 2*meter.MaxModuleBytes {
		return wit.NewError(wit.CodeTooLarge, "the module is too large")
	}
	if err := limitProcess(processorLimit(int(n)), memoryLimit(int(n))); err != nil {
		return err
	}
	debug.SetMemoryLimit(int64(memoryLimit(int(n)) / 4 * 3))
	wasm := make([]byte, n)
	if _, err := io.ReadFull(in, wasm); err != nil {
		return err
	}
	go func() {
		_, _ = in.Read(size[:1])
		os.Exit(exitBroken) // the gateway is gone
	}()
	return compileInto(experimental.WithCompilationWorkers(ctx, workers()), dir, wasm, rc)
}

// workers is how many threads compile a module: half of the processors are for what people wait for.
func workers() int { return max(runtime.NumCPU()/2, 1) }

// head keeps the beginning of what is written to it.
type head struct {
	b    []byte
	left int
}

func (h *head) Write(p []byte) (int, error) {
	n := min(len(p), h.left)
	h.b, h.left = append(h.b, p[:n]...), h.left-n
	return len(p), nil
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
