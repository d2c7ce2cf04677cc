package main

import (
	"bufio"
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
)

// process is a running gateway.
type process struct {
	cmd *exec.Cmd
	url string
	// listening is how long it took from exec to the line that says where it listens.
	listening time.Duration
}

// token is the gateway's for the time of a measurement.
const token = "bench-token"

// launch starts the gateway on a free port and waits until it listens. The caller defers kill.
func launch(ctx context.Context, gateway, stateDir string) (*process, error) {
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
	p := &process{cmd: cmd}
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	p.listening = time.Since(start)
	_, url, ok := strings.Cut(strings.TrimSpace(line), "listens on ")
	if err != nil || !ok {
		p.kill()
		return nil, fmt.Errorf("the gateway did not start: %q: %w", line, err)
	}
	go io.Copy(io.Discard, lines)
	p.url = url
	return p, nil
}

// stop asks the gateway to end and waits for it.
func (p *process) stop() error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	return p.cmd.Wait()
}

// kill ends it at once; one that has stopped stays so.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// rss is the resident memory in bytes.
func (p *process) rss() (int64, error) {
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

// mb and ms write sizes and times for tables.
func mb(bytes int64) string { return fmt.Sprintf("%.1f MB", float64(bytes)/(1<<20)) }

func ms(d time.Duration) string { return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond)) }
