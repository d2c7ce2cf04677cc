// Package gatewaytest runs gateways in processes of their own, for tests that look at one from outside.
//
// A gateway ends with its test, which fails if it does not end as it should; its log is shown when the
// test failed. A Gateway belongs to its test's goroutine, except for Log.
package gatewaytest

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Patience is how long a test waits for what a process should do. It is for what never happens, not for what takes long: the
// machine may do much else, and a first compilation is slow.
const Patience = 5 * time.Minute

// Gateway is a gateway in a process of its own.
type Gateway struct {
	// URL is where it listens: http://127.0.0.1:port.
	URL string

	t       testing.TB
	command func() *exec.Cmd
	cmd     *exec.Cmd
	mu      sync.Mutex
	log     bytes.Buffer
}

// Serve starts the gateway that command makes and stops it with the test. command is called for every
// start; it must let the gateway print its greeting.
func Serve(t testing.TB, command func() *exec.Cmd) *Gateway {
	t.Helper()
	g := &Gateway{t: t, command: command}
	g.Start()
	t.Cleanup(g.Stop)
	return g
}

// ServeBinary starts a built gateway on a free port, with a state directory and a token.
func ServeBinary(t testing.TB, path, state, token string) *Gateway {
	t.Helper()
	return Serve(t, func() *exec.Cmd {
		cmd := exec.Command(path, "serve", "--port", "0", "--state-dir", state)
		cmd.Env = append(os.Environ(), "CARAPACE_GATEWAY_TOKEN="+token)
		return cmd
	})
}

// Start starts a gateway that was stopped or killed, again. It returns when the gateway listens.
func (g *Gateway) Start() {
	g.t.Helper()
	g.cmd = g.command()
	out, err := g.cmd.StdoutPipe()
	if err != nil {
		g.t.Fatal(err)
	}
	g.cmd.Stderr = (*log)(g)
	if err := g.cmd.Start(); err != nil {
		g.t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	_, url, ok := strings.Cut(strings.TrimSpace(line), "listens on ")
	if err != nil || !ok {
		g.t.Fatalf("the gateway did not start: %q %v\n%s", line, err, g.Log())
	}
	g.URL = url
	go io.Copy(io.Discard, lines) // what the gateway prints must not fill the pipe
}

// Stop sends SIGTERM; the gateway has to exit with 0. Stopping one that is gone does nothing.
func (g *Gateway) Stop() {
	if g.cmd.ProcessState != nil {
		return
	}
	_ = g.cmd.Process.Signal(syscall.SIGTERM)
	if err := g.cmd.Wait(); err != nil {
		g.t.Errorf("the gateway did not exit with 0 on SIGTERM: %v\n%s", err, g.Log())
	} else if g.t.Failed() {
		g.t.Log(g.Log())
	}
}

// Kill ends the gateway as a crash does.
func (g *Gateway) Kill() {
	_ = g.cmd.Process.Kill()
	_ = g.cmd.Wait() // it was killed
}

// WebSocket is URL for clients that want ws://.
func (g *Gateway) WebSocket() string { return strings.Replace(g.URL, "http://", "ws://", 1) }

// Log is what the gateway has logged so far, over all its starts.
func (g *Gateway) Log() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.log.String()
}

type log Gateway

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.log.Write(p)
}
