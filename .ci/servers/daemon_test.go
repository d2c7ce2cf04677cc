// Package servers_test drives a whole gateway against the real servers of open protocols, as Debian has them. They run without
// privileges, on loopback, in temporary directories, and are ended by their process ids. A server that is not installed is
// skipped, unless CARAPACE_SERVERS=1 says that all have to be there.
package servers_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
)

const (
	plugins = "../../builtin-plugins"
	bundle  = "github.com/carapace-gateway/carapace/builtin-plugins/bundle"
)

// gateway boots one with the built-in plugins, whose assistant says back what it hears.
func gateway(t *testing.T, config string, options ...kerneltest.Option) *kerneltest.Kernel {
	t.Helper()
	return kerneltest.Start(t, append([]kerneltest.Option{kerneltest.Bundled(t, plugins), kerneltest.Compiled(t),
		kerneltest.Plugin(kerneltest.Echo("echo")), kerneltest.Config(t, config)}, options...)...)
}

// program finds a server's, and skips the test where it is not installed.
func program(t *testing.T, name string) string {
	t.Helper()
	for _, dir := range []string{"", "/usr/sbin/", "/usr/lib/postfix/sbin/"} {
		if path, err := exec.LookPath(dir + name); err == nil {
			return path
		}
	}
	if os.Getenv("CARAPACE_SERVERS") == "1" {
		t.Fatalf("%s is not installed", name)
	}
	t.Skipf("%s is not installed", name)
	return ""
}

// nobody is who the servers run as, where the test is root's.
func nobody(t *testing.T) *syscall.Credential {
	t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	u, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.ParseUint(u.Uid, 10, 32)
	gid, _ := strconv.ParseUint(u.Gid, 10, 32)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// home is a temporary directory that belongs to who the servers run as.
func home(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "carapace-server-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if c := nobody(t); c != nil {
		if err := os.Chown(dir, int(c.Uid), int(c.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// write writes a file of a server's into its directory.
func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if c := nobody(t); c != nil {
		if err := os.Chown(path, int(c.Uid), int(c.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// port is one that is free.
func port(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// daemon is a server that runs.
type daemon struct {
	t    *testing.T
	cmd  *exec.Cmd
	said *output
}

// output collects what a server says.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// run starts a server and waits until it listens.
func run(t *testing.T, privileged bool, port int, name string, args ...string) *daemon {
	t.Helper()
	d := &daemon{t: t, cmd: exec.Command(name, args...), said: &output{}}
	d.cmd.Stdout, d.cmd.Stderr = d.said, d.said
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if !privileged {
		d.cmd.SysProcAttr.Credential = nobody(t)
	}
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.end)
	until(t, fmt.Sprintf("%s listens on %d", filepath.Base(name), port), d.said.String, func() bool {
		conn, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	return d
}

// end ends a server with its children, which are in its group.
func (d *daemon) end() {
	if d.cmd.ProcessState == nil {
		_ = syscall.Kill(-d.cmd.Process.Pid, syscall.SIGKILL)
		_ = d.cmd.Wait()
	}
}

// patience only bounds a test that fails.
const patience = time.Minute

// until waits for something that nobody tells.
func until(t *testing.T, what string, otherwise func() string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !ok(); <-time.After(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain until %s:\n%s", what, otherwise())
		}
	}
}
