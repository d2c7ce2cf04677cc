package script_test

import (
	"slices"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/plugin/script"
)

func TestPythonExports(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"functions":            {"def a(x): pass\ndef  b (x):\n  def inner(): pass\nasync def c(): pass\n", []string{"a", "b"}},
		"types of functions":   {"def a[T](x: T) -> T: return x\n", []string{"a"}},
		"names":                {"a = 1\nb: Handler = lambda c: c\nc == 2\nd.e = 3\nf += 1\n", []string{"a", "b"}},
		"imports":              {"from x import a\nfrom .y import (\n  b as c,  # of another name\n  d,\n)\nimport e\n", []string{"a", "c", "d"}},
		"only in texts":        {"'''\ndef a(): pass\n'''\nx = \"\"\"\ndef b(): pass\\\"\"\"\n\"\"\"\ny = 'it\\'s'\ndef c(): pass\n", []string{"c", "x", "y"}},
		"only in brackets":     {"x = [\n1,\n]\nf(\na = 1,\n)\n", []string{"x"}},
		"behind a backslash":   {"x = 1 + \\\n2\nif x and \\\ny = 2\n", []string{"x"}},
		"in comments":          {"# def a(): pass\n#'''\ndef b(): pass # '''\n", []string{"b"}},
		"under a condition":    {"if True:\n  def a(): pass\nclass B:\n  def c(): pass\n", nil},
		"other ends of lines":  {"def a(): pass\r\nb = 1\r\n", []string{"a", "b"}},
		"a text without end":   {"x = '''\ndef a(): pass", []string{"x"}},
		"a quote without end":  {"x = 'oh\ndef a(): pass", []string{"a", "x"}},
		"a bracket without it": {"x = (\ndef a(): pass", []string{"x"}},
		"nothing":              {"", nil},
		"a backslash at last":  {"\\", nil},
	} {
		if got := script.PythonExports(c.text); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func FuzzPythonExports(f *testing.F) {
	f.Add("def a(x): '''\n'''\nfrom b import (c as d,\n)\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, name := range script.PythonExports(text) {
			if name == "" {
				t.Errorf("an empty name in %q", text)
			}
		}
	})
}

func TestPythonNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"plugin.py": true, "lib/a.py": true, "lib/deep/__init__.py": true,
		"test_plugin.py": false, "lib/a_test.py": false, "conftest.py": false, "a-b.py": false, "x.pyc": false, "plugin.ts": false, "package.json": false,
		"carapace/__init__.py": false, "__pycache__/a.py": false, "venv/a.py": false, "tests/a.py": false, "testdata/a.py": false, ".venv/a.py": false, "node_modules/x/a.py": false,
		"../a.py": false, "/a.py": false, "": false,
	} {
		if script.IsPart("plugin.py", name) != ok {
			t.Errorf("%q: %v", name, !ok)
		}
	}
	if script.IsPart("plugin.ts", "plugin.py") || script.IsPart("plugin.ts", "lib/a.py") {
		t.Error("Python is a part of what is in TypeScript")
	}
}
