// Package c tests the SDK for C, which is a header, with the compilers of the machine.
package c

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func run(t *testing.T, dir, command string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-ec", command)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v\n%s", command, err, out)
	}
}

// TestHeader runs what testdata/sdk.c tries, where each access of memory is looked at.
func TestHeader(t *testing.T) {
	t.Parallel()
	test := filepath.Join(t.TempDir(), "test")
	run(t, "testdata", "cc -std=c11 -g -Wall -Wextra -Werror -fsanitize=address,undefined -fno-sanitize-recover -o "+test+" sdk.c && "+test)
}

// TestGateway runs what testdata/gateway.c asks the gateway for tests.
func TestGateway(t *testing.T) {
	t.Parallel()
	test := filepath.Join(t.TempDir(), "test")
	run(t, "testdata", "cc -std=c11 -g -Wall -Wextra -Werror -fsanitize=address,undefined -fno-sanitize-recover -o "+test+" gateway.c && "+test)
}

// TestWebAssembly: a plugin of all that testdata/sdk.c has needs nothing but the header, with and without optimization.
func TestWebAssembly(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("testdata/sdk.c")
	if err != nil {
		t.Fatal(err)
	}
	handlers := regexp.MustCompile(`(?ms)^static bool (tool|event|hook|plan)\(.*?^}\nCARAPACE_\w+\(\w+\)$`).FindAllString(string(source), -1)
	if len(handlers) != 4 {
		t.Fatalf("it has %d handlers", len(handlers))
	}
	dir := t.TempDir()
	header, err := filepath.Abs("carapace.h")
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "plugin.c", "#include \""+header+"\"\n"+strings.Join(handlers, "\n"))
	for _, optimize := range []string{"-O0", "-Oz", "-O2", "-O2 -mno-bulk-memory"} {
		run(t, dir, "clang --target=wasm32 -std=c11 -nostdlib -mbulk-memory -Wall -Wextra -Werror -Wl,--no-entry "+optimize+" -o plugin.wasm plugin.c")
	}
}

// TestReadme: what the README shows compiles as it says, and passes its test.
func TestReadme(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"carapace.h", "carapace_test.h"} {
		header, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		write(t, dir, name, string(header))
	}
	for _, name := range []string{"plugin.c", "test.c"} {
		found := regexp.MustCompile("(?s)`greeter/" + name + "`:\n\n```c\n(.*?)```").FindStringSubmatch(string(readme))
		if found == nil {
			t.Fatalf("README.md has no %s", name)
		}
		write(t, dir, name, found[1])
	}
	commands := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(readme), -1)
	for _, c := range commands {
		run(t, dir, c[1])
	}
	if len(commands) != 2 {
		t.Errorf("README.md has %d commands", len(commands))
	}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
