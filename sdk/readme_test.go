package sdk_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/wit"
)

// block returns the first fenced block of a language that contains a text.
func block(t *testing.T, readme, language, contains string) string {
	t.Helper()
	for rest := readme; ; {
		_, after, ok := strings.Cut(rest, "```"+language+"\n")
		if !ok {
			t.Fatalf("README.md has no %s block with %q", language, contains)
		}
		text, after, _ := strings.Cut(after, "```")
		if strings.Contains(text, contains) {
			return text
		}
		rest = after
	}
}

// What the README tells newcomers to write builds, passes its test, and has a valid manifest.
func TestReadme(t *testing.T) {
	data, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	readme := string(data)
	var manifest wit.Manifest
	if err := wit.UnmarshalStrict([]byte(block(t, readme, "json", `"provides"`)), &manifest); err != nil {
		t.Error(err)
	}
	dir, err := os.MkdirTemp(".", "_readme-") // inside the module, whose packages it imports
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	for name, text := range map[string]string{
		"main.go": block(t, readme, "go", "package main"),
		"main_test.go": "package main\n\nimport (\n\t\"testing\"\n\n\t\"github.com/carapace-gateway/carapace/sdk/go/sdktest\"\n)\n\n" +
			block(t, readme, "go", "func TestGreeter"),
		"testdata/greeter.jsonl": block(t, readme, "json", `"call"`),
	} {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run(t, dir, nil, "test", ".")
	run(t, dir, []string{"GOOS=wasip1", "GOARCH=wasm"}, "build", "-buildmode=c-shared", "-o", filepath.Join(t.TempDir(), "plugin.wasm"), ".")
}

func run(t *testing.T, dir string, env []string, args ...string) {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}
