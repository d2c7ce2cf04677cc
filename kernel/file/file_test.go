//go:build unix

package file_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/fstest"

	"github.com/carapace-gateway/carapace/kernel/file"
	"github.com/carapace-gateway/carapace/wit"
)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// tree is a folder with one of everything that can have a name.
func tree(t *testing.T) string {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	must(t, os.WriteFile(at("plain"), []byte("12345"), 0o600))
	must(t, os.WriteFile(at("empty"), nil, 0o600))
	must(t, syscall.Mkfifo(at("pipe"), 0o600))
	must(t, os.Mkdir(at("folder"), 0o700))
	for name, to := range map[string]string{"link": "plain", "zero": "/dev/zero", "tty": "/dev/tty", "to-pipe": "pipe", "loop": "loop", "proc": "/proc/self/mem"} {
		must(t, os.Symlink(to, at(name)))
	}
	return dir
}

func TestOnlyPlainFilesAreRead(t *testing.T) {
	dir := tree(t)
	for _, c := range []struct {
		name, want string
		limit      int64
		code       wit.Code
	}{
		{"plain", "12345", 5, ""}, {"plain", "12345", 100, ""}, {"empty", "", 0, ""}, {"link", "12345", 5, ""},
		{"plain", "", 4, wit.CodeTooLarge},
		{"pipe", "", 5, wit.CodeInvalid}, {"to-pipe", "", 5, wit.CodeInvalid}, {"zero", "", 5, wit.CodeInvalid}, {"folder", "", 5, wit.CodeInvalid},
	} {
		for how, read := range map[string]func() ([]byte, error){
			"Read":   func() ([]byte, error) { return file.Read(filepath.Join(dir, c.name), c.limit) },
			"ReadFS": func() ([]byte, error) { return file.ReadFS(file.Dir(dir), c.name, c.limit) },
		} {
			b, err := read() // what waited for a pipe would wait for ever
			if string(b) != c.want || err != nil && wit.CodeOf(err) != c.code || err == nil && c.code != "" {
				t.Errorf("%s %s: %q, %v, want %q, code %q", how, c.name, b, err, c.want, c.code)
			}
		}
	}
	for _, name := range []string{"tty", "loop", "proc"} {
		if b, err := file.Read(filepath.Join(dir, name), 5); err == nil && len(b) > 0 {
			t.Errorf("%s: %q", name, b)
		}
	}
	if _, err := file.Read(filepath.Join(dir, "nothing"), 5); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
}

// TestALyingSize reads a file that says it is empty and is not, as those of /proc do, and one that has grown.
func TestALyingSize(t *testing.T) {
	for limit, code := range map[int64]wit.Code{1: wit.CodeTooLarge, 1 << 20: ""} {
		b, err := file.Read("/proc/self/status", limit)
		if errors.Is(err, fs.ErrNotExist) {
			t.Skip("there is no /proc here")
		}
		if err != nil && wit.CodeOf(err) != code || err == nil && (code != "" || !bytes.Contains(b, []byte("Pid:"))) {
			t.Errorf("limit %d: %d bytes, %v", limit, len(b), err)
		}
	}
}

func TestDirIsAFileSystem(t *testing.T) {
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "a", "b"), 0o700))
	must(t, os.WriteFile(filepath.Join(dir, "a", "b", "c"), []byte("x"), 0o600))
	must(t, fstest.TestFS(file.Dir(dir), "a/b/c"))
	for _, name := range []string{"../x", "/etc/passwd", "a//b", ""} {
		if _, err := file.Dir(dir).Open(name); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("%q: %v", name, err)
		}
	}
}
