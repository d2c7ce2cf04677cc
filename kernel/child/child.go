// Package child does a piece of the gateway's work in a process of its own, whose time and memory are bounded: what reads
// foreign bytes with code that was not written for hostile ones, and what takes long. The process is this program once
// more, under another command; it has no secrets in its environment, makes way for the gateway's work, and ends with the
// context of Run and with the gateway.
package child

import (
	"context"
	"encoding/binary"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/carapace-gateway/carapace/wit"
)

// Limits bound a process. Processor time does not depend on what else the machine does.
type Limits struct {
	Processor time.Duration
	Memory    uint64 // in bytes
}

// Workers is how many threads the work may have: half of the processors are for what people wait for.
func Workers() int { return max(runtime.NumCPU()/2, 1) }

// Run starts command, gives it work and waits for its end, for as long by the clock at most. What it writes goes to out
// and said. CodeUnavailable when it cannot be started or was given
// up, with words that follow what was to be done; otherwise the error is that of its end.
func Run(ctx context.Context, command []string, work []byte, longest time.Duration, out, said io.Writer) (*os.ProcessState, error) {
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	child := exec.CommandContext(ctx, command[0], command[1:]...)
	child.Env = []string{"GOTRACEBACK=none", "GOMAXPROCS=" + strconv.Itoa(Workers())}
	child.WaitDelay, child.SysProcAttr = time.Second, ownGroup()
	child.Stdout, child.Stderr = out, said
	in, err := child.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := child.Start(); err != nil {
		return nil, wit.Errorf(wit.CodeUnavailable, "cannot be started in a process of its own: %w", err)
	}
	// The pipe stays open until the process has ended: its end tells it that the gateway is gone.
	_, _ = in.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(work))))
	_, _ = in.Write(work)
	err = child.Wait()
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return child.ProcessState, wit.Errorf(wit.CodeUnavailable, "was given up: %w", cause)
	}
	return child.ProcessState, err
}

// exitOrphan is the exit code of a process whose gateway is gone.
const exitOrphan = 1

// Receive is called by the process that Run started: it reads the work, of so many bytes at most, and bounds the
// process for the rest of its life by what limits says of the number of bytes. CodeTooLarge for more than that.
func Receive(in io.Reader, most int, limits func(bytes int) Limits) ([]byte, error) {
	var size [4]byte
	if _, err := io.ReadFull(in, size[:]); err != nil {
		return nil, err
	}
	n := int(binary.LittleEndian.Uint32(size[:]))
	if n > most {
		return nil, wit.Errorf(wit.CodeTooLarge, "it is %d bytes, over the limit of %d", n, most)
	}
	l := limits(n)
	if err := limitProcess(l.Processor, l.Memory); err != nil {
		return nil, err
	}
	debug.SetMemoryLimit(int64(l.Memory / 4 * 3))
	work := make([]byte, n)
	if _, err := io.ReadFull(in, work); err != nil {
		return nil, err
	}
	go func() {
		_, _ = in.Read(size[:1])
		os.Exit(exitOrphan)
	}()
	return work, nil
}

// Head keeps the first bytes of what is written to it, so many as it is given.
type Head struct {
	b    []byte
	left int
}

// NewHead keeps n bytes.
func NewHead(n int) *Head { return &Head{left: n} }

// Write implements io.Writer; it never fails.
func (h *Head) Write(p []byte) (int, error) {
	n := min(len(p), h.left)
	h.b, h.left = append(h.b, p[:n]...), h.left-n
	return len(p), nil
}

// Bytes is what was kept.
func (h *Head) Bytes() []byte { return h.b }
