// Package wheel_test has the SDK for Python as others get it: packed as a wheel, and installed from that.
package wheel_test

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	sources "github.com/carapace-gateway/carapace"
	"github.com/carapace-gateway/carapace/cmd/carapace/author"
	"github.com/carapace-gateway/carapace/wit"
)

// root is where the module is.
const root = "../.."

// TestWheel: a wheel of the contract's version, which is made of the packed sources, holds the package and no more. What pip installs
// of it, where nothing else is to be had, is what the tests of plugins use: of the examples, and of new plugins of each kind.
func TestWheel(t *testing.T) {
	dir := t.TempDir()
	python := filepath.Join(dir, "venv", "bin", "python")
	run(t, ".", nil, "python3", "-m", "venv", filepath.Join(dir, "venv"))
	pip := func(args ...string) {
		t.Helper()
		run(t, ".", nil, python, append([]string{"-I", "-m", "pip", "--isolated", "--disable-pip-version-check"}, args...)...)
	}
	name := filepath.Join(dir, fmt.Sprintf("carapace-%d.0.0", wit.ABI))
	sdist, wheel := name+".tar.gz", name+"-py3-none-any.whl"
	run(t, filepath.Join(root, "sdk", "python"), nil, python, "-c", "import backend, sys; backend.build_sdist(sys.argv[1])", dir)
	pip("wheel", "--no-index", "--no-deps", "--wheel-dir", dir, sdist)
	contents(t, wheel)
	installed := filepath.Join(dir, "installed")
	pip("install", "--no-index", "--target", installed, wheel)
	env := []string{"PYTHONPATH=" + installed}
	for name, folder := range plugins(t) {
		t.Run(name, func(t *testing.T) {
			if from := run(t, folder, env, python, "-c", "import carapace; print(carapace.__file__)"); !strings.HasPrefix(from, installed) {
				t.Errorf("the package is that of %s", from)
			}
			if said := run(t, folder, env, python, "-m", "unittest"); !regexp.MustCompile(`Ran [1-9]`).MatchString(said) {
				t.Errorf("no test has run: %s", said)
			}
		})
	}
}

// contents holds a wheel to its own record, and that to the files of the package.
func contents(t *testing.T, wheel string) {
	t.Helper()
	archive, err := zip.OpenReader(wheel)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = archive.Close() }()
	info := fmt.Sprintf("carapace-%d.0.0.dist-info/", wit.ABI)
	want := strings.Fields(run(t, filepath.Join(root, "sdk", "python"), nil, "git", "ls-files", "--cached", "--others", "--exclude-standard", "carapace"))
	want = append(want, info+"METADATA", info+"RECORD", info+"WHEEL")
	files, record := map[string]string{}, ""
	for _, f := range archive.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(b)
		files[f.Name] = fmt.Sprintf("%s,sha256=%s,%d", f.Name, base64.RawURLEncoding.EncodeToString(sum[:]), len(b))
		if f.Name == info+"RECORD" {
			files[f.Name], record = f.Name+",,", string(b)
		}
	}
	if got := slices.Sorted(maps.Keys(files)); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
		t.Errorf("the wheel holds %q, want %q", got, want)
	}
	if got := slices.Sorted(slices.Values(strings.Fields(record))); !slices.Equal(got, slices.Sorted(maps.Values(files))) {
		t.Errorf("the wheel's record is %q, want %q", got, slices.Sorted(maps.Values(files)))
	}
}

// plugins are folders outside of this module, by name, none of which has the package in it.
func plugins(t *testing.T) map[string]string {
	t.Helper()
	found, dir := map[string]string{}, t.TempDir()
	examples, err := filepath.Glob(filepath.Join(root, "pdk-examples", "py-*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, from := range examples {
		name := filepath.Base(from)
		found[name] = filepath.Join(dir, name)
		if err := os.CopyFS(found[name], os.DirFS(from)); err != nil {
			t.Fatal(err)
		}
	}
	for _, kind := range author.Kinds(sources.FS, "python") {
		folder := filepath.Join(dir, "new-"+kind)
		if err := author.New(sources.FS, folder, "python", kind); err != nil {
			t.Fatal(err)
		}
		if err := os.RemoveAll(filepath.Join(folder, "carapace")); err != nil {
			t.Fatal(err)
		}
		found["new "+kind] = folder
	}
	if len(examples) < 3 || len(found) == len(examples) {
		t.Fatalf("there are too few plugins in Python: %q", found)
	}
	return found
}

// run runs a command in a folder, with env, and returns what it says.
func run(t *testing.T, dir string, env []string, name string, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), name, args...)
	c.Dir, c.Env = dir, append(append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1"), env...)
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", c, err, out)
	}
	return string(out)
}
