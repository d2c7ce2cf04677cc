// Package process runs a built gateway in a process of its own, for programs that measure one.
//
// A Process belongs to one goroutine; Dial may be called by several.
package process

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/wire"
)

// Process is a running gateway.
type Process struct {
	// URL is where it listens.
	URL string
	// Listening is how long it took from exec to the line that says where it listens.
	Listening time.Duration
	cmd       *exec.Cmd
}

// token is the gateway's for the time of a measurement.
const token = "measured"

// Launch starts a gateway, the path of its binary, on a free port and waits until it listens. The caller defers Kill.
func Launch(ctx context.Context, gateway, stateDir string) (*Process, error) {
	cmd := exec.CommandContext(ctx, gateway, "serve", "--port", "0", "--state-dir", stateDir, "--log-level", "warn")
	cmd.Env = append(os.Environ(), "CARAPACE_GATEWAY_TOKEN="+token)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &Process{cmd: cmd}
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	p.Listening = time.Since(start)
	_, url, ok := strings.Cut(strings.TrimSpace(line), "listens on ")
	if err != nil || !ok {
		p.Kill()
		return nil, fmt.Errorf("the gateway did not start: %q: %w", line, err)
	}
	go io.Copy(io.Discard, lines)
	p.URL = url
	return p, nil
}

// Stop asks the gateway to end and waits for it. An error is that it did not end as it should.
func (p *Process) Stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return p.cmd.Wait()
}

// Kill ends it at once; one that has stopped stays so.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// Memory is the resident memory in bytes.
func (p *Process) Memory() (int64, error) {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid), "status"))
	if err != nil {
		return 0, fmt.Errorf("memory is read from /proc: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		if kb, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			n, err := strconv.ParseInt(strings.Fields(kb)[0], 10, 64)
			return n << 10, err
		}
	}
	return 0, errors.New("/proc names no resident memory")
}

// ToggleProfile begins or ends a profile, of a gateway that was built with -tags profile.
func (p *Process) ToggleProfile() error { return p.cmd.Process.Signal(syscall.SIGUSR1) }

// Processor is the processor time that the gateway has used so far, in steps of 10 ms.
func (p *Process) Processor() (time.Duration, error) {
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid), "stat"))
	if err != nil {
		return 0, fmt.Errorf("processor time is read from /proc: %w", err)
	}
	// The name comes second, in parentheses, and may hold blanks; utime and stime are the fields 14 and 15 (proc(5)).
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(fields) < 13 {
		return 0, errors.New("/proc names no processor time")
	}
	var ticks int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * (10 * time.Millisecond), nil
}

// Dial connects as an operator who may do everything.
func (p *Process) Dial(ctx context.Context) (*client.Client, error) {
	return client.Dial(ctx, client.Options{
		URL: p.URL, Token: token, Role: wire.RoleOperator, Scopes: []wire.Scope{wire.ScopeAdmin},
		Client: wire.Client{ID: "cli", Version: "measured", Platform: "linux", Mode: "cli"},
	})
}
