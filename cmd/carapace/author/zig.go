package author

import (
	"context"
	"errors"
	"os/exec"
)

// zig puts the SDK beside the plugin.
func (s scaffold) zig() error {
	return errors.Join(
		s.copy("sdk/zig", "", func(_ string, text []byte) []byte { return text }),
		s.write(".gitignore", []byte("*.wasm\n.zig-cache/\n")))
}

// zig is the command that compiles a folder with a plugin.zig: with Zig, or the one that is a package of Python.
func (p Project) zig(ctx context.Context) *exec.Cmd {
	command := []string{"zig"}
	if _, err := exec.LookPath("zig"); err != nil && exec.CommandContext(ctx, "python3", "-c", "import ziglang").Run() == nil {
		command = []string{"python3", "-m", "ziglang"}
	}
	command = append(command, "build-exe", "plugin.zig", "-target", "wasm32-freestanding", "-fno-entry", "-rdynamic", "-O", "ReleaseSmall", "-femit-bin="+p.Entry)
	return exec.CommandContext(ctx, command[0], command[1:]...)
}
