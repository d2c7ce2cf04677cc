// Package process runs a built gateway in a process of its own, for programs that measure one.
//
// Launch and Stop come back whatever the gateway does: one that does not start or stop in time is killed, and the
// error has the end of its log.
//
// A Process belongs to one goroutine; Dial and Command may be called by several.
package process

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
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

// Config says how a gateway is run. What is zero has the default that stands beside it.
type Config struct {
	// Gateway is the path of its binary, StateDir the folder of its state.
	Gateway, StateDir string
	// Log gets what it logs, on a goroutine of its own.
	Log io.Writer // stderr
	// Start and Stop are how long it may take to listen and to end.
	Start, Stop time.Duration // a minute each
}

// Process is a running gateway.
type Process struct {
	// URL is where it listens.
	URL string
	// Listening is how long it took from exec to the line that says where it listens.
	Listening time.Duration

	config Config
	token  string
	cmd    *exec.Cmd
	log    *tail
	ended  chan struct{} // closed when it has ended
	err    error         // how it ended, from then on
}

// Launch starts a gateway on a free port and waits until it listens. The caller defers Kill.
func Launch(ctx context.Context, c Config) (*Process, error) {
	c.Start, c.Stop = cmp.Or(c.Start, time.Minute), cmp.Or(c.Stop, time.Minute)
	if c.Log == nil {
		c.Log = os.Stderr
	}
	p := &Process{config: c, token: rand.Text(), log: &tail{to: c.Log}, ended: make(chan struct{})}
	greeting := newFirstLine()
	p.cmd = p.Command(ctx, "serve", "--port", "0", "--state-dir", c.StateDir, "--log-level", "warn")
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.WaitDelay = greeting, p.log, time.Second
	start := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	select {
	case line := <-greeting.line:
		p.Listening = time.Since(start)
		_, url, ok := strings.Cut(line, "listens on ")
		if !ok {
			p.Kill()
			return nil, fmt.Errorf("the gateway said %q instead of where it listens%s", line, p.log)
		}
		p.URL = strings.TrimSpace(url)
		return p, nil
	case <-p.ended:
		return nil, fmt.Errorf("the gateway ended before it listened: %w%s", p.err, p.log)
	case <-time.After(c.Start):
		p.Kill()
		return nil, fmt.Errorf("the gateway did not listen within %v%s", c.Start, p.log)
	}
}

// Command is another command of the gateway's binary, which speaks to this gateway.
func (p *Process) Command(ctx context.Context, arguments ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, p.config.Gateway, arguments...)
	cmd.Env = append(os.Environ(), "CARAPACE_GATEWAY_TOKEN="+p.token, "CARAPACE_STATE_DIR="+p.config.StateDir)
	return cmd
}

// Stop asks the gateway to end and waits for it. An error is that it did not end as it should, or not in time.
func (p *Process) Stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stop the gateway: %w%s", err, p.log)
	}
	select {
	case <-p.ended:
	case <-time.After(p.config.Stop):
		p.Kill()
		return fmt.Errorf("the gateway did not end within %v of SIGTERM%s", p.config.Stop, p.log)
	}
	if p.err != nil {
		return fmt.Errorf("the gateway did not end as it should: %w%s", p.err, p.log)
	}
	return nil
}

// Kill ends it at once; one that has stopped stays so.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
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
		URL: p.URL, Token: p.token, Role: wire.RoleOperator, Scopes: []wire.Scope{wire.ScopeAdmin},
		Client: wire.Client{ID: "cli", Version: "measured", Platform: "linux", Mode: "cli"},
	})
}
