package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/cmd/carapace/gatewaytest"
	"github.com/carapace-gateway/carapace/cmd/examples"
)

// TestMain lets the test binary be carapace itself, so that tests start it as a user does. The processes that compile and
// bundle get no environment, and are known by their commands.
func TestMain(m *testing.M) {
	if os.Getenv("CARAPACE_TEST_AS_MAIN") == "1" || len(os.Args) > 1 && (os.Args[1] == compileCommand || os.Args[1] == bundleCommand) {
		main()
	}
	if len(os.Args) > 1 && os.Args[1] == notesServer {
		serveNotes()
		return
	}
	if err := examples.FindCompilers(filepath.Join("..", "..")); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// command is this program with a command line.
func command(ctx context.Context, t *testing.T, state string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Env = append(os.Environ(), "CARAPACE_TEST_AS_MAIN=1", "CARAPACE_STATE_DIR="+state, "CARAPACE_GATEWAY_TOKEN=", "CARAPACE_CONFIG_PATH=", "GOOD=sk-good-0123456789", "BOT="+botToken, "DBUS_SESSION_BUS_ADDRESS=")
	return cmd
}

// serve starts a gateway on a free port and stops it with the test.
func serve(t *testing.T, state string) *gatewaytest.Gateway {
	t.Helper()
	return gatewaytest.Serve(t, func() *exec.Cmd { return command(context.Background(), t, state, "serve", "--port", "0") })
}

// result is what a command printed and how it ended.
type result struct {
	out, err string
	code     int
}

// carapace runs a command to its end.
func carapace(t *testing.T, state string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), gatewaytest.Patience)
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
