package crash

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/cmd/platforms"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
)

// gateway is the binary, its state directory, and the process that runs now.
type gateway struct {
	binary, dir string
	log         *os.File
	cmd         *exec.Cmd

	mu    sync.Mutex
	lives []life
}

// life is one process, from its start to its kill.
type life struct {
	start, ready, end time.Time
	aimed             bool // killed at a send
}

// newGateway prepares a new state directory, for a gateway at a port, or at any where that is negative. Each person has a session,
// so that answers do not mix. publicURL is what it is told as its own address, or "".
func newGateway(binary string, port int, publicURL string) (*gateway, error) {
	binary, err := filepath.Abs(binary)
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(binary); err != nil {
		return nil, fmt.Errorf("there is no gateway to kill: %w (build it with make build)", err)
	}
	dir, err := os.MkdirTemp("", "carapace-demo-")
	if err != nil {
		return nil, err
	}
	settings, err := json.Marshal(map[string]any{
		"gateway": map[string]any{"port": port, "publicUrl": publicURL},
		"session": map[string]any{"dmScope": "per-channel-peer"},
		"secrets": map[string]any{"keyring": false},
	})
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "carapace.json"), settings, 0o600); err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "demo.log"))
	return &gateway{binary: binary, dir: dir, log: log}, err
}

// start starts the process and returns at once.
func (g *gateway) start() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	fmt.Fprintf(g.log, "--- life %d\n", len(g.lives)+1)
	g.cmd = exec.Command(g.binary, "serve", "--state-dir", g.dir)
	g.cmd.Stdout, g.cmd.Stderr = g.log, g.log
	if err := g.cmd.Start(); err != nil {
		return err
	}
	g.lives = append(g.lives, life{start: time.Now()})
	return nil
}

// kill ends the process without giving it a chance to do anything about it.
func (g *gateway) kill(aimed bool) {
	_ = g.cmd.Process.Kill()
	_ = g.cmd.Wait() // its error is the kill
	g.mu.Lock()
	defer g.mu.Unlock()
	now := &g.lives[len(g.lives)-1]
	now.end, now.aimed = time.Now(), aimed
}

// ready notes that the process of life i receives messages.
func (g *gateway) ready(i int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lives[i].ready = time.Now()
}

// history is all processes so far.
func (g *gateway) history() []life {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.lives)
}

// setup connects the account through the running gateway, as its owner would.
func (g *gateway) setup(ctx context.Context, a channeltest.Account) error {
	args, env := platforms.Setup(a)
	args = append(args, "--state-dir", g.dir)
	for {
		cmd := exec.CommandContext(ctx, g.binary, args...)
		cmd.Env = append(os.Environ(), env...)
		out, err := cmd.CombinedOutput()
		if err == nil {
			return nil
		}
		if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.ExitCode() != exitUnreachable {
			return fmt.Errorf("connect the account: %w: %s", err, out)
		}
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			return fmt.Errorf("connect the account: %w: %s", err, out)
		}
	}
}

// exitUnreachable is how the command line says that no gateway answers yet.
const exitUnreachable = 3
