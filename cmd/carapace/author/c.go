package author

import (
	"context"
	"errors"
	"os/exec"
)

// c puts the SDK beside the plugin.
func (s scaffold) c() error {
	return errors.Join(
		s.copy("sdk/c", "", func(_ string, text []byte) []byte { return text }),
		s.write(".gitignore", []byte("*.wasm\ntest\n")))
}

// c is the command that compiles a folder with a plugin.c.
func (p Project) c(ctx context.Context) *exec.Cmd {
	return exec.CommandContext(ctx, "clang", "--target=wasm32", "-std=c11", "-Oz", "-Wall", "-nostdlib", "-mbulk-memory", "-Wl,--no-entry", "-o", p.Entry, "plugin.c")
}
