package author

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"

	"github.com/carapace-gateway/carapace/wit"
)

// wasmTarget is how Rust calls what a plugin is built for.
const wasmTarget = "wasm32-wasip1"

// rust puts the SDK's crate where the plugin's Cargo.toml names it.
func (s scaffold) rust() error {
	const crate = "vendor/carapace"
	to := filepath.Join(s.dir, "Cargo.toml")
	manifest, err := os.ReadFile(to)
	if err != nil {
		return err
	}
	return errors.Join(
		s.copy("sdk/rust", crate, func(_ string, text []byte) []byte { return text }),
		os.WriteFile(to, bytes.Replace(manifest, []byte(path.Join("..", "..", "sdk/rust")), []byte(crate), 1), 0o644),
		s.write(".gitignore", []byte("target/\n*.wasm\n")))
}

// cargo builds a crate, and puts the module that comes of it where the manifest's entry is, wherever cargo is set to build.
func (p Project) cargo(ctx context.Context, said io.Writer) error {
	c := exec.CommandContext(ctx, "cargo", "build", "--release", "--target", wasmTarget, "--message-format", "json-render-diagnostics")
	var messages bytes.Buffer
	c.Dir, c.Stdout, c.Stderr = p.Dir, &messages, said
	if err := run(c); err != nil {
		if wit.CodeOf(err) == wit.CodeInvalid && !p.hasTarget(ctx) {
			return wit.Errorf(wit.CodeUnavailable, "Rust builds no WebAssembly here: run `rustup target add %s`, or where Rust is Debian's install libstd-rust-dev-wasm32", wasmTarget)
		}
		return err
	}
	module := artifact(&messages)
	if module == "" {
		return wit.Errorf(wit.CodeInvalid, "cargo made no module: Cargo.toml needs crate-type = [\"cdylib\"] under [lib]")
	}
	code, err := os.ReadFile(module)
	if err != nil {
		return err
	}
	var changed bool
	return put(p.Dir, p.Entry, code, &changed)
}

// artifact is the last module of which cargo says that it has made it: that of the crate itself, after those that it needs.
func artifact(messages io.Reader) (module string) {
	for d := json.NewDecoder(messages); ; {
		var message struct {
			Reason    string
			Filenames []string
		}
		if d.Decode(&message) != nil {
			return module
		}
		for _, name := range message.Filenames {
			if message.Reason == "compiler-artifact" && strings.HasSuffix(name, ".wasm") {
				module = name
			}
		}
	}
}

// hasTarget reports whether the compiler has the target's standard library.
func (p Project) hasTarget(ctx context.Context) bool {
	c := exec.CommandContext(ctx, "rustc", "--print", "target-libdir", "--target", wasmTarget)
	c.Dir = p.Dir
	dir, err := c.Output()
	if err != nil {
		return false
	}
	_, err = os.Stat(strings.TrimSpace(string(dir)))
	return err == nil
}
