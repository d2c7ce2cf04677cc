package author

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	sources "github.com/carapace-gateway/carapace"
	"github.com/carapace-gateway/carapace/wit"
)

// crate begins a plugin in Rust.
func crate(t *testing.T, id string) Project {
	t.Helper()
	dir := filepath.Join(t.TempDir(), id)
	if err := New(sources.FS, dir, "rust", "tool"); err != nil {
		t.Fatal(err)
	}
	p, err := Open(dir, "1.0.0")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// tools makes a folder of commands all that can be found.
func tools(t *testing.T, commands map[string]string) {
	t.Helper()
	dir := t.TempDir()
	for name, script := range commands {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
}

// TestANewCrate: it passes its test and builds without a network, also where its id is no name of a crate; and what is wrong
// with it is said.
func TestANewCrate(t *testing.T) {
	p := crate(t, "2nd-try")
	test := exec.Command("cargo", "test", "--quiet", "--offline", "--locked")
	test.Dir = p.Dir
	if out, err := test.CombinedOutput(); err != nil || !bytes.Contains(out, []byte("1 passed")) {
		t.Errorf("cargo test: %v\n%s", err, out)
	}
	build := func() ([]byte, error) {
		var said bytes.Buffer
		err := p.Build(t.Context(), &said)
		if err != nil {
			t.Logf("%s", &said)
		}
		code, _ := os.ReadFile(filepath.Join(p.Dir, p.Entry))
		return code, err
	}
	code, err := build()
	if err != nil || !bytes.HasPrefix(code, []byte("\x00asm")) {
		t.Fatalf("%d bytes, %v", len(code), err)
	}
	edit := func(name, old, new string) {
		file := filepath.Join(p.Dir, name)
		text, err := os.ReadFile(file)
		if err != nil || !bytes.Contains(text, []byte(old)) {
			t.Fatalf("%s has no %q, %v", name, old, err)
		}
		if err := os.WriteFile(file, bytes.Replace(text, []byte(old), []byte(new), 1), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	edit("Cargo.toml", `crate-type = ["cdylib"]`, "")
	if _, err := build(); wit.CodeOf(err) != wit.CodeInvalid || !strings.Contains(err.Error(), "crate-type") {
		t.Errorf("a crate that is no module: %v", err)
	}
	edit("src/lib.rs", "ToolOutput::text", "ToolOutput::txt")
	if after, err := build(); wit.CodeOf(err) != wit.CodeInvalid || !bytes.Equal(after, code) {
		t.Errorf("a crate that does not compile: %v", err)
	}
}

// TestWithoutRust: who has no compiler, or none for WebAssembly, is told what to install.
func TestWithoutRust(t *testing.T) {
	p := crate(t, "dice")
	for name, c := range map[string]struct {
		commands map[string]string
		want     string
	}{
		"nothing":         {nil, "install Rust by rustup, then run `rustup target add wasm32-wasip1`"},
		"no target":       {map[string]string{"cargo": "exit 101", "rustc": "echo /nowhere"}, "run `rustup target add wasm32-wasip1`, or where Rust is Debian's install libstd-rust-dev-wasm32"},
		"an old compiler": {map[string]string{"cargo": "exit 101", "rustc": "exit 1"}, "run `rustup target add wasm32-wasip1`"},
	} {
		t.Run(name, func(t *testing.T) {
			tools(t, c.commands)
			if err := p.Build(t.Context(), new(bytes.Buffer)); wit.CodeOf(err) != wit.CodeUnavailable || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}
