package author

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
)

// assemblyScript puts the SDK beside the plugin, where asconfig.json and package.json look for it.
func (s scaffold) assemblyScript() error {
	return errors.Join(
		s.copy("sdk/as", "vendor/carapace-as", func(name string, text []byte) []byte {
			if path.Base(name) == "README.md" {
				return nil
			}
			return text
		}),
		s.write(".gitignore", []byte("node_modules/\n*.wasm\n")))
}

// assemblyScript is the command that compiles a folder with an asconfig.json: with the folder's own compiler, or that of the
// machine.
func (p Project) assemblyScript(ctx context.Context) *exec.Cmd {
	compiler := filepath.Join(p.Dir, "node_modules", ".bin", "asc")
	if runtime.GOOS == "windows" {
		compiler += ".cmd"
	}
	if _, err := os.Stat(compiler); err != nil {
		compiler = "asc"
	}
	return exec.CommandContext(ctx, compiler, "--outFile", p.Entry)
}
