package main

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestMain lets the test binary be carapace itself, so that tests start it as a user does.
func TestMain(m *testing.M) {
	if os.Getenv("CARAPACE_TEST_AS_MAIN") == "1" {
		main()
	}
	os.Exit(m.Run())
}

// gatewayProcess is a gateway in a process of its own.
type gatewayProcess struct {
	t     *testing.T
	cmd   *exec.Cmd
	state string
	url   string
	mu    sync.Mutex
	log   bytes.Buffer
}

// command is this program with a command line.
func command(ctx context.Context, t *testing.T, state string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Env = append(os.Environ(), "CARAPACE_TEST_AS_MAIN=1", "CARAPACE_STATE_DIR="+state, "CARAPACE_GATEWAY_TOKEN=", "CARAPACE_CONFIG_PATH=", "DBUS_SESSION_BUS_ADDRESS=")
	return cmd
}

// serve starts a gateway on a free port and stops it with the test.
func serve(t *testing.T, state string) *gatewayProcess {
	t.Helper()
	g := &gatewayProcess{t: t, state: state}
	g.start()
	t.Cleanup(g.stop)
	return g
}

func (g *gatewayProcess) start() {
	g.t.Helper()
	g.cmd = command(context.Background(), g.t, g.state, "serve", "--port", "0")
	out, err := g.cmd.StdoutPipe()
	if err != nil {
		g.t.Fatal(err)
	}
	g.cmd.Stderr = g
	if err := g.cmd.Start(); err != nil {
		g.t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	_, url, ok := strings.Cut(strings.TrimSpace(line), "listens on ")
	if err != nil || !ok {
		g.t.Fatalf("the gateway did not start: %q %v\n%s", line, err, g.text())
	}
	g.url = url
	go lines.WriteTo(new(bytes.Buffer))
}

// Write takes the gateway's log.
func (g *gatewayProcess) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.log.Write(p)
}

func (g *gatewayProcess) text() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.log.String()
}

// stop sends SIGTERM; the gateway has to exit with 0.
func (g *gatewayProcess) stop() {
	if g.cmd.ProcessState != nil {
		return
	}
	_ = g.cmd.Process.Signal(syscall.SIGTERM)
	if err := g.cmd.Wait(); err != nil {
		g.t.Errorf("the gateway did not exit with 0 on SIGTERM: %v\n%s", err, g.text())
	} else if g.t.Failed() {
		g.t.Log(g.text())
	}
}

// kill ends the gateway as a crash does.
func (g *gatewayProcess) kill() {
	_ = g.cmd.Process.Kill()
	_ = g.cmd.Wait() // it was killed
}

// result is what a command printed and how it ended.
type result struct {
	out, err string
	code     int
}

// carapace runs a command to its end.
func carapace(t *testing.T, state string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := command(ctx, t, state, args...)
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	_ = cmd.Run() // the exit code is in the result
	return result{out.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

// must runs a command that has to succeed and returns what it prints.
func must(t *testing.T, state string, args ...string) string {
	t.Helper()
	r := carapace(t, state, args...)
	if r.code != 0 {
		t.Fatalf("carapace %s exited with %d: %s%s", strings.Join(args, " "), r.code, r.out, r.err)
	}
	return r.out
}

// stateDir is a folder that nobody else can read.
func stateDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

func repository(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return root
}
