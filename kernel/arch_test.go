package kernel_test

import (
	"bufio"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/carapace-gateway/carapace/"

// imports is the picture of the house: which of the module's packages a package may import. A new
// arrow is a new word in this table.
var imports = map[string]string{
	"wit":       "wit/codec",
	"wit/codec": "",

	"kernel/retry":          "",
	"kernel/rate":           "",
	"kernel/wire":           "wit",
	"kernel/event":          "kernel/wire wit",
	"kernel/rpc":            "kernel/wire wit",
	"kernel/store":          "wit",
	"kernel/logs":           "wit",
	"kernel/runtime":        "kernel/retry kernel/runtime/cache kernel/runtime/exchange kernel/runtime/memory kernel/runtime/meter wit",
	"kernel/media":          "kernel/store wit",
	"kernel/secret":         "kernel/store wit",
	"kernel/schedule":       "kernel/store kernel/event wit",
	"kernel/config":         "kernel/event kernel/store kernel/wire wit",
	"kernel/sse":            "wit",
	"kernel/egress":         "kernel/sse wit",
	"kernel/host":           "kernel/egress kernel/event kernel/rate kernel/store kernel/wire wit wit/codec",
	"kernel/plugin":         "kernel/egress kernel/event kernel/host kernel/rpc kernel/runtime kernel/store kernel/wire wit wit/codec",
	"kernel/auth":           "kernel/event kernel/retry kernel/rpc kernel/store kernel/wire wit",
	"kernel/gateway":        "kernel/auth kernel/event kernel/rate kernel/rpc kernel/wire wit",
	"kernel/gateway/client": "kernel/wire wit",

	"kernel/runtime/cache":    "kernel/runtime/meter wit",
	"kernel/runtime/exchange": "kernel/runtime/memory wit",
	"kernel/runtime/memory":   "",
	"kernel/runtime/meter":    "wit",

	"kernel/service":          "kernel/event kernel/rpc",
	"kernel/service/message":  "kernel/store wit",
	"kernel/service/hook":     "kernel/plugin wit",
	"kernel/service/session":  "kernel/event kernel/rpc kernel/store kernel/wire wit",
	"kernel/service/turn":     "kernel/egress kernel/event kernel/rpc kernel/sse kernel/store kernel/wire kernel/service/hook kernel/service/session wit",
	"kernel/service/channel":  "kernel/event kernel/plugin kernel/rpc kernel/store kernel/wire wit",
	"kernel/service/delivery": "kernel/event kernel/retry kernel/rpc kernel/store kernel/wire kernel/service/channel kernel/service/hook wit",
	"kernel/service/cron":     "kernel/event kernel/rpc kernel/schedule kernel/wire wit",
	"kernel/service/system":   "kernel/config kernel/event kernel/logs kernel/plugin kernel/rpc kernel/store kernel/wire kernel/service/channel kernel/service/session wit",
}

// owners is "one library, one package": the only folders of the kernel that may import it. A websocket has
// two ends: gateway is what clients connect to, egress is what plugins connect out through.
var owners = map[string]string{
	"github.com/go-chi/chi":                 "kernel/gateway",
	"github.com/coder/websocket":            "kernel/gateway kernel/egress",
	"github.com/tetratelabs/wazero":         "kernel/runtime",
	"github.com/extism/go-sdk":              "kernel/runtime",
	"github.com/robfig/cron":                "kernel/schedule",
	"modernc.org/sqlite":                    "kernel/store",
	"github.com/zalando/go-keyring":         "kernel/secret",
	"github.com/fsnotify/fsnotify":          "kernel/plugin",
	"github.com/santhosh-tekuri/jsonschema": "kernel/plugin",
}

const (
	fileLines = 500
	testLines = 800
)

// TestHouse holds the import table, the owners of libraries, package comments, file sizes and the
// rules against init, package-level sleep in tests, and vendors' names in the kernel.
func TestHouse(t *testing.T) {
	documented := map[string]bool{}
	for _, path := range goFiles(t, "..") {
		pkg := filepath.ToSlash(filepath.Dir(path))
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", path), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		test := strings.HasSuffix(path, "_test.go")
		if !test {
			documented[pkg] = documented[pkg] || f.Doc != nil
			for _, imp := range f.Imports {
				name, _ := strconv.Unquote(imp.Path.Value)
				checkArrow(t, path, pkg, name)
			}
		}
		checkSize(t, path, test)
	}
	for pkg, ok := range documented {
		if !ok {
			t.Errorf("%s: no package comment", pkg)
		}
	}
}

func checkArrow(t *testing.T, path, pkg, name string) {
	t.Helper()
	if !strings.HasPrefix(pkg, "kernel/") && pkg != "wit" && pkg != "wit/codec" {
		if strings.HasPrefix(pkg, "sdk/") && strings.HasPrefix(name, module+"kernel") {
			t.Errorf("%s: the sdk must not import %s", path, name)
		}
		return
	}
	for library, folders := range owners {
		ours := slices.ContainsFunc(strings.Fields(folders), func(f string) bool { return pkg == f || strings.HasPrefix(pkg, f+"/") })
		if strings.HasPrefix(name, library) && !ours {
			t.Errorf("%s imports %s, which only %s may", path, name, folders)
		}
	}
	to, ours := strings.CutPrefix(name, module)
	if !ours || strings.HasPrefix(pkg, "kernel/kerneltest") || strings.HasSuffix(pkg, "test") {
		return
	}
	allowed, known := imports[pkg]
	if !known {
		t.Errorf("%s: add %s to the import table", path, pkg)
	} else if !slices.Contains(strings.Fields(allowed), to) {
		t.Errorf("%s: %s must not import %s", path, pkg, to)
	}
}

func checkSize(t *testing.T, path string, test bool) {
	t.Helper()
	f, err := os.Open(filepath.Join("..", path))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, limit := 0, fileLines
	if test {
		limit = testLines
	}
	for s := bufio.NewScanner(f); s.Scan(); lines++ {
		text := s.Text()
		switch {
		case lines == 0 && strings.HasPrefix(text, "// Code generated"):
			return
		case strings.HasPrefix(path, "kernel/") && strings.HasPrefix(text, "func init()"):
			t.Errorf("%s:%d: no init in the kernel", path, lines+1)
		}
	}
	if lines > limit {
		t.Errorf("%s has %d lines, more than %d: which noun is hiding in it?", path, lines, limit)
	}
}

// TestKernelNamesNoVendor reads the kernel's code for names of platforms and models.
func TestKernelNamesNoVendor(t *testing.T) {
	for _, path := range goFiles(t, ".") {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ToLower(string(b))
		for _, vendor := range []string{"telegram", "discord", "slack", "whatsapp", "anthropic", "gemini", "ollama", "openai"} {
			if strings.Contains(text, vendor) {
				t.Errorf("kernel/%s names %s", path, vendor)
			}
		}
	}
}

// notOurs are folders of what was built, fetched or is data for a test.
var notOurs = []string{".git", "bin", "dist", "node_modules", "testdata"}

// goFiles lists the Go files below root that are written here.
func goFiles(t *testing.T, root string) []string {
	t.Helper()
	var files []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && slices.Contains(notOurs, d.Name()) {
			return filepath.SkipDir
		}
		if strings.HasSuffix(path, ".go") {
			rel, err := filepath.Rel(root, path)
			files = append(files, filepath.ToSlash(rel))
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
