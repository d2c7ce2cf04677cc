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
	// Arguments are added to those of serve.
	Arguments []string
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
	p.cmd = p.Command(ctx, append([]string{"serve", "--port", "0", "--state-dir", c.StateDir, "--log-level", "warn"}, c.Arguments...)...)
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
	cmd.Env = p.Environ()
	return cmd
}

// tokenVariable is how a command gets the gateway's token.
const tokenVariable = "CARAPACE_GATEWAY_TOKEN"

// Environ is the environment of a command that speaks to this gateway.
func (p *Process) Environ() []string {
	return append(os.Environ(), tokenVariable+"="+p.token, "CARAPACE_STATE_DIR="+p.config.StateDir)
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
func (p *Process) Memory() (int64, error) { return p.status("VmRSS:") }

// MostMemory is the most resident memory that it has had, in bytes.
func (p *Process) MostMemory() (int64, error) { return p.status("VmHWM:") }

// status is one of the sizes that the system keeps of the process, in bytes.
func (p *Process) status(name string) (int64, error) {
	b, err := os.ReadFile(p.proc("status"))
	if err != nil {
		return 0, fmt.Errorf("memory is read from /proc: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		if kb, ok := strings.CutPrefix(line, name); ok {
			n, err := strconv.ParseInt(strings.Fields(kb)[0], 10, 64)
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("/proc names no %s", name)
}

// proc is a file that the system shows of the process.
func (p *Process) proc(name string) string {
	return filepath.Join("/proc", strconv.Itoa(p.cmd.Process.Pid), name)
}

// Waited is how long its threads, as many as there are now, have waited for a processor, in sum.
func (p *Process) Waited() (sum time.Duration, err error) {
	files, err := filepath.Glob(p.proc("task/*/schedstat"))
	if err != nil || len(files) == 0 {
		return 0, errors.New("/proc does not say what the threads have waited")
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if errors.Is(err, os.ErrNotExist) {
			continue // it has ended
		}
		var ran, waited time.Duration
		if _, bad := fmt.Sscan(string(b), &ran, &waited); errors.Join(err, bad) != nil {
			return 0, errors.Join(err, bad)
		}
		sum += waited
	}
	return sum, nil
}

// Processor is the processor time that the gateway has used so far, in steps of 10 ms.
func (p *Process) Processor() (time.Duration, error) {
	b, err := os.ReadFile(p.proc("stat"))
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
	return client.Dial(ctx, p.Options())
}

// Options are what Dial connects with.
func (p *Process) Options() client.Options { return options(p.URL, p.token) }

// DialFrom is Dial in another process, which has a gateway's Environ and its URL.
func DialFrom(ctx context.Context, url string) (*client.Client, error) {
	return client.Dial(ctx, options(url, os.Getenv(tokenVariable)))
}

func options(url, token string) client.Options {
	return client.Options{
		URL: url, Token: token, Role: wire.RoleOperator, Scopes: []wire.Scope{wire.ScopeAdmin},
		Client: wire.Client{ID: "cli", Version: "measured", Platform: "linux", Mode: "cli"},
	}
}
