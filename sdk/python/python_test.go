package python_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/sdk/python"
	"github.com/carapace-gateway/carapace/wit"
)

// run runs the machine's own Python in a folder, with the package.
func run(t *testing.T, dir string, args ...string) {
	t.Helper()
	sdk, err := filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), "python3", args...)
	c.Dir, c.Env = dir, append(os.Environ(), "PYTHONPATH="+sdk, "PYTHONDONTWRITEBYTECODE=1")
	if out, err := c.CombinedOutput(); err != nil || !regexp.MustCompile(`Ran [1-9]`).Match(out) {
		t.Errorf("python3 %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// TestPackage runs the package's own tests.
func TestPackage(t *testing.T) {
	t.Parallel()
	run(t, "tests", "-m", "unittest")
}

// TestExamples runs the tests of the examples, as their authors do.
func TestExamples(t *testing.T) {
	t.Parallel()
	found, err := filepath.Glob("../../pdk-examples/py-*")
	if err != nil || len(found) < 3 {
		t.Fatal(found, err)
	}
	for _, dir := range found {
		run(t, dir, "-m", "unittest")
	}
}

// TestReadme: what the README shows has a valid manifest, and passes its test.
func TestReadme(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	files := regexp.MustCompile("(?s)`([a-z]+/[a-z_/.]+)`:\n\n```[a-z]+\n(.*?)```").FindAllStringSubmatch(string(readme), -1)
	if len(files) != 5 {
		t.Fatalf("the README shows %d files", len(files))
	}
	for _, f := range files {
		file := filepath.Join(dir, filepath.FromSlash(f[1]))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(f[2]), 0o644); err != nil {
			t.Fatal(err)
		}
		var m wit.Manifest
		if filepath.Base(file) == "plugin.json" {
			if err := wit.UnmarshalStrict([]byte(f[2]), &m); err != nil || m.Validate() != nil {
				t.Errorf("%v %v", err, m.Validate())
			}
		}
	}
	run(t, filepath.Join(dir, "greeter"), "-m", "unittest")
	test := `import unittest, plugin
from carapace import PluginError
from carapace.testing import Host
class Weather(unittest.TestCase):
    def test(self):
        asked = []
        host = Host(plugin, credentials={"key": "s"}, http=lambda r: asked.append(r) or {"json": {"degrees": 21}})
        self.assertEqual(host.tool_invoke({"args": {"place": "New York"}}).content[0].text, "21 degrees")
        self.assertEqual((asked[0]["url"], asked[0]["headers"]["authorization"]), ("https://weather.example/v1/now?place=New+York", "Bearer s"))
        host.http = lambda r: {"status": 429}
        with self.assertRaises(PluginError) as raised: host.tool_invoke({"args": {"place": "x"}})
        self.assertEqual((raised.exception.code, raised.exception.retry_after), ("rate_limited", 60000))
`
	if err := os.WriteFile(filepath.Join(dir, "weather", "test_plugin.py"), []byte(test), 0o600); err != nil {
		t.Fatal(err)
	}
	run(t, filepath.Join(dir, "weather"), "-m", "unittest")
}

// TestModules: a gateway has all of the package but what is for tests, and calls every import of the contract by a name of its own.
func TestModules(t *testing.T) {
	t.Parallel()
	modules := python.Modules()
	for _, name := range []string{"carapace/__init__.py", "carapace/_guest.py", "carapace/contract.py"} {
		if modules[name] == "" {
			t.Errorf("there is no %s", name)
		}
	}
	if modules["carapace/testing.py"] != "" || !strings.Contains(python.Boot(), "_guest.serve") {
		t.Error("a gateway has what is for tests, or does not serve")
	}
	for _, f := range wit.Imports() {
		if f.Name != "log_write" && !strings.Contains(modules["carapace/__init__.py"], `call("`+f.Name+`"`) {
			t.Errorf("nothing in it calls %s", f.Name)
		}
	}
	for _, f := range wit.Exports() {
		if !strings.Contains(modules["carapace/_table.py"], `"`+f.Name+`":[`) {
			t.Errorf("it does not know %s", f.Name)
		}
	}
}
