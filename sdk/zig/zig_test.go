// Package zig tests the SDK for Zig, which is one file and one for tests, with the compiler that `make toolchains` installs, or the machine's.
package zig

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

func run(t *testing.T, dir, command string) {
	t.Helper()
	compiler, err := filepath.Abs("compiler/bin")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-ec", command)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "PATH="+compiler+string(filepath.ListSeparator)+os.Getenv("PATH"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", command, err, out)
	}
}

// TestFiles runs what test.zig and test_gateway.zig try, and holds the files to the language's format.
func TestFiles(t *testing.T) {
	t.Parallel()
	run(t, ".", "zig fmt --check *.zig && zig test test.zig && zig test test_gateway.zig")
}

// TestReadme: what the README shows is built as it says, and passes its test.
func TestReadme(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	plugin := regexp.MustCompile("(?s)```zig\n(.*?)```").FindSubmatch(readme)
	commands := regexp.MustCompile("(?s)```sh\n(.*?)```").FindSubmatch(readme)
	if plugin == nil || commands == nil {
		t.Fatal("README.md has no plugin, or no commands")
	}
	dir := t.TempDir()
	files := map[string][]byte{"plugin.zig": plugin[1]}
	for _, name := range []string{"carapace.zig", "carapace_test.zig"} {
		if files[name], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run(t, dir, string(commands[1]))
}
