package toolserver

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/carapace-gateway/carapace/wit"
)

// grace is how long a program may take to end: after its input has ended, and again after it was asked to.
const grace = 2 * time.Second

// passed are the variables of the gateway's environment that programs get: what they need to run, and no secrets.
var passed = []string{
	"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR",
	"SYSTEMROOT", "SYSTEMDRIVE", "APPDATA", "LOCALAPPDATA", "PROGRAMFILES", "PROGRAMDATA", "TEMP", "TMP", "USERPROFILE", "PATHEXT", "COMSPEC",
}

var placeholder = regexp.MustCompile(`\{\{credential:([A-Za-z0-9_.-]{1,64})\}\}`)

// program starts the server's program. It ends when its input does, or is made to. What it writes to its standard error is
// kept as far as an explanation needs it.
func (s *server) program(ctx context.Context) (*line, error) {
	env, err := s.environment()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(s.settings.Command, s.settings.Args...)
	cmd.Env, cmd.SysProcAttr, cmd.WaitDelay = env, ownGroup(), grace
	if cmd.Dir = s.settings.Dir; cmd.Dir == "" {
		cmd.Dir, _ = os.UserHomeDir() // without one it is the gateway's own folder
	}
	words := &tail{}
	cmd.Stderr = words
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, wit.Errorf(wit.CodeUnavailable, "the program cannot be started: %w", err)
	}
	out, written, err := os.Pipe()
	if err != nil {
		return nil, wit.Errorf(wit.CodeUnavailable, "the program cannot be started: %w", err)
	}
	cmd.Stdout = written
	err = cmd.Start()
	_ = written.Close() // the program has it now
	if err != nil {
		_ = out.Close()
		return nil, wit.Errorf(wit.CodeUnavailable, "%.120s cannot be started: %w", filepath.Base(s.settings.Command), err)
	}
	p := &process{cmd: cmd, words: words, ended: make(chan struct{})}
	go p.wait()
	hang := func() { _ = in.Close() }
	return &line{
		transport: &mcp.IOTransport{Reader: out, Writer: in, MaxLineLength: maxMessage},
		hang:      hang,
		end: func() {
			hang()
			p.end()
			_ = out.Close()
		},
		why: func(ctx context.Context, err error) error {
			if errors.Is(ctx.Err(), context.Canceled) {
				return ctx.Err()
			}
			return p.why(waited(ctx, err))
		},
	}, nil
}

// environment is what the program finds there.
func (s *server) environment() (list []string, err error) {
	for _, name := range passed {
		if value, ok := os.LookupEnv(name); ok {
			if _, own := s.settings.Env[name]; !own {
				list = append(list, name+"="+value)
			}
		}
	}
	for name, value := range s.settings.Env {
		filled := placeholder.ReplaceAllStringFunc(value, func(found string) string {
			secret, bad := s.credential(placeholder.FindStringSubmatch(found)[1])
			if bad != nil {
				err = bad
			}
			return secret
		})
		list = append(list, name+"="+filled)
	}
	slices.Sort(list)
	return list, err
}

// process is a program that was started.
type process struct {
	cmd   *exec.Cmd
	words *tail
	ended chan struct{} // closed when it has ended
	how   string        // it has, once it has
}

// wait takes note of its end, and ends what it has left behind.
func (p *process) wait() {
	_ = p.cmd.Wait() // how it ended, its state says
	endGroup(p.cmd)
	p.how = p.cmd.ProcessState.String()
	close(p.ended)
}

// end makes the program end, and returns when it has.
func (p *process) end() {
	for _, ask := range []func(*exec.Cmd){askGroup, endGroup} {
		t := time.NewTimer(grace)
		select {
		case <-p.ended:
			t.Stop()
			return
		case <-t.C:
			ask(p.cmd)
		}
	}
	<-p.ended
}

// why says of a connection's end what the program has said last.
func (p *process) why(err error) error {
	what, t := "", time.NewTimer(grace/4) // a program that ends closes its output first
	defer t.Stop()
	select {
	case <-p.ended:
		what = "the program has ended (" + p.how + ")"
	case <-t.C:
		if err == nil {
			what = "the program has ended the connection"
		} else {
			what = err.Error()
		}
	}
	if last := p.words.last(); last != "" {
		what += "; it has said: " + last
	}
	if code := wit.CodeOf(err); err != nil && code != wit.CodeInternal {
		return wit.NewError(code, what)
	}
	return wit.NewError(wit.CodeUnavailable, what)
}

// tail keeps the end of what is written to it.
type tail struct {
	mu sync.Mutex
	b  []byte
}

const maxTail = 2 << 10

// Write implements io.Writer; it never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p[max(len(p)-maxTail, 0):]...)
	t.b = append(t.b[:0], t.b[max(len(t.b)-maxTail, 0):]...)
	return len(p), nil
}

// last is the last line that says something.
func (t *tail) last() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(string(t.b)), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
