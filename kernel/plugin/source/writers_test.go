//go:build unix

package source_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/plugin/source"
)

func TestWriters(t *testing.T) {
	top := filepath.Join(t.TempDir(), "top")
	plugins := filepath.Join(top, "plugins")
	path := filepath.Join(plugins, "p")
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
	outer := "anybody on this machine" // where everybody gets to the folder of temporary files
	for at := filepath.Dir(top); at != filepath.Dir(at); at = filepath.Dir(at) {
		if info, err := os.Stat(at); err == nil && info.Mode().Perm()&0o001 == 0 {
			outer = "the owner of " + plugins
		}
	}
	for _, c := range []struct {
		top, plugins, path os.FileMode
		want               string
	}{
		{0o700, 0o700, 0o700, "the owner of " + plugins},
		{0o755, 0o755, 0o755, "the owner of " + plugins},
		{0o700, 0o777, 0o777, "the owner of " + plugins},
		{0o755, 0o777, 0o755, outer},
		{0o755, 0o755, 0o777, outer},
	} {
		for at, mode := range map[string]os.FileMode{path: c.path, plugins: c.plugins, top: c.top} {
			if err := os.Chmod(at, mode); err != nil {
				t.Fatal(err)
			}
		}
		if got := source.Writers(path); got != c.want {
			t.Errorf("%v: %q, want %q", c, got, c.want)
		}
	}
	if got := source.Writers(filepath.Join(plugins, "none")); !strings.HasSuffix(got, plugins) {
		t.Errorf("%q", got)
	}
}
