package kernel_test

import (
	"go/ast"
	"go/token"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest/source"
)

// imports is the picture of the house: which of the module's packages a package imports, exactly. A new
// arrow is a new word in this table, and one that is gone is a word less.
var imports = map[string]string{
	"wit":       "wit/codec",
	"wit/codec": "",

	"kernel/retry":              "",
	"kernel/child":              "wit",
	"kernel/plain":              "",
	"kernel/typo":               "",
	"kernel/header":             "",
	"kernel/markup":             "wit",
	"kernel/claim":              "wit",
	"kernel/rate":               "",
	"kernel/file":               "wit",
	"kernel/qrcode":             "wit",
	"kernel/wire":               "wit wit/codec",
	"kernel/event":              "kernel/wire",
	"kernel/rpc":                "kernel/wire wit",
	"kernel/protocol":           "kernel/event kernel/rpc kernel/wire",
	"kernel/store":              "kernel/file kernel/store/words kernel/turns wit",
	"kernel/turns":              "",
	"kernel/logs":               "kernel/plain wit",
	"kernel/resident":           "",
	"kernel/runtime":            "kernel/retry kernel/runtime/cache kernel/runtime/exchange kernel/runtime/frame kernel/runtime/memory kernel/runtime/meter kernel/runtime/quickjs wit",
	"kernel/runtime/leb":        "",
	"kernel/runtime/meter":      "kernel/runtime/leb wit",
	"kernel/media":              "kernel/sealed kernel/store wit",
	"kernel/excerpt":            "wit",
	"kernel/picture":            "wit",
	"kernel/setting":            "wit",
	"kernel/proof":              "kernel/setting kernel/store wit",
	"kernel/sign":               "wit",
	"kernel/oauth":              "kernel/setting kernel/sign wit",
	"kernel/secret":             "kernel/file kernel/leak kernel/plain kernel/store wit",
	"kernel/leak":               "",
	"kernel/sealed":             "wit",
	"kernel/backup":             "kernel/sealed wit",
	"kernel/schedule":           "kernel/claim kernel/retry kernel/store wit",
	"kernel/config":             "kernel/event kernel/file kernel/plain kernel/registry kernel/store kernel/typo kernel/wire wit",
	"kernel/crowd":              "",
	"kernel/sse":                "wit",
	"kernel/egress":             "kernel/element kernel/header kernel/leak kernel/packet kernel/plain kernel/sign kernel/sse wit",
	"kernel/host":               "kernel/egress kernel/event kernel/oauth kernel/rate kernel/setting kernel/sign kernel/store kernel/wire wit wit/codec",
	"kernel/element":            "wit",
	"kernel/packet":             "wit",
	"kernel/auth":               "kernel/event kernel/file kernel/header kernel/qrcode kernel/retry kernel/rpc kernel/store kernel/wire wit",
	"kernel/gateway":            "kernel/auth kernel/event kernel/rate kernel/rpc kernel/wire wit",
	"kernel/gateway/client":     "kernel/wire wit",
	"kernel/plugin":             "kernel/egress kernel/event kernel/host kernel/plain kernel/plugin/archive kernel/plugin/depot kernel/plugin/engine kernel/plugin/grant kernel/plugin/life kernel/plugin/manifest kernel/plugin/source kernel/rpc kernel/store kernel/wire wit wit/codec",
	"kernel/plugin/life":        "",
	"kernel/plugin/manifest":    "kernel/proof kernel/setting kernel/typo wit wit/codec",
	"kernel/plugin/grant":       "kernel/plugin/manifest kernel/store wit",
	"kernel/plugin/archive":     "kernel/plugin/manifest kernel/plugin/script wit",
	"kernel/plugin/depot":       "kernel/plugin/archive kernel/plugin/source kernel/store wit",
	"kernel/plugin/install":     "kernel/event kernel/plugin kernel/plugin/archive kernel/plugin/depot kernel/plugin/grant kernel/plugin/manifest kernel/rpc kernel/wire wit",
	"kernel/plugin/script":      "kernel/child wit",
	"kernel/plugin/engine":      "kernel/host kernel/plugin/script kernel/runtime wit",
	"kernel/plugin/source":      "kernel/file kernel/plugin/archive kernel/plugin/engine kernel/plugin/script wit",
	"kernel/oci":                "kernel/egress wit",
	"kernel/registry":           "kernel/file kernel/plugin/archive wit",
	"kernel/registry/remote":    "kernel/egress kernel/file kernel/registry wit",
	"kernel/runtime/cache":      "kernel/child kernel/file kernel/runtime/meter wit",
	"kernel/runtime/exchange":   "kernel/runtime/leb kernel/runtime/memory wit",
	"kernel/runtime/memory":     "",
	"kernel/runtime/quickjs":    "",
	"kernel/runtime/frame":      "",
	"kernel/plugin/interpreter": "wit",

	"kernel/service":                 "kernel/event kernel/rpc wit",
	"kernel/service/message":         "kernel/plain kernel/store wit",
	"kernel/service/move":            "kernel/service/message kernel/store wit",
	"kernel/service/approval":        "kernel/event kernel/rpc kernel/service kernel/service/approval/policy kernel/service/message kernel/service/question kernel/store kernel/wire wit",
	"kernel/service/approval/policy": "wit",
	"kernel/service/question":        "kernel/service/message kernel/service/move kernel/store wit",
	"kernel/service/hook":            "wit",
	"kernel/service/heartbeat":       "kernel/event kernel/retry kernel/rpc kernel/schedule kernel/service kernel/service/message kernel/store kernel/wire wit",
	"kernel/service/session":         "kernel/event kernel/rpc kernel/service kernel/service/message kernel/store kernel/wire wit",
	"kernel/service/channel":         "kernel/claim kernel/event kernel/plain kernel/proof kernel/rate kernel/retry kernel/rpc kernel/service kernel/service/inbox kernel/service/message kernel/service/webhook kernel/wire wit",
	"kernel/service/media":           "kernel/egress kernel/event kernel/media kernel/picture kernel/rate kernel/rpc kernel/service kernel/service/endpoint kernel/wire wit",
	"kernel/service/visitor":         "kernel/rate kernel/service kernel/service/endpoint kernel/service/message kernel/store wit",
	"kernel/service/directory":       "kernel/rpc kernel/service kernel/service/message kernel/wire wit",
	"kernel/service/background":      "kernel/event kernel/retry kernel/service wit",
	"kernel/service/catalog":         "kernel/event kernel/plugin/archive kernel/registry kernel/retry kernel/rpc kernel/service kernel/store kernel/turns kernel/wire wit",
	"kernel/service/roster":          "kernel/config kernel/event kernel/retry kernel/rpc kernel/service kernel/service/message kernel/store kernel/wire wit",
	"kernel/form":                    "kernel/plain",
	"kernel/service/wizard":          "kernel/form kernel/rpc kernel/service kernel/wire wit",
	"kernel/service/audit":           "kernel/rpc kernel/service kernel/service/message kernel/service/task kernel/store kernel/wire wit",
	"kernel/service/task":            "kernel/event kernel/rpc kernel/service kernel/wire wit",
	"kernel/service/pull":            "kernel/event kernel/rpc kernel/service kernel/service/agent kernel/service/task kernel/wire wit",
	"kernel/service/offer":           "kernel/rpc kernel/service kernel/service/message kernel/wire wit",
	"kernel/service/talk":            "kernel/event kernel/rpc kernel/service kernel/service/tts kernel/wire wit",
	"kernel/service/voicewake":       "kernel/event kernel/rpc kernel/service kernel/store kernel/wire wit",
	"kernel/service/tts":             "kernel/config kernel/markup kernel/rpc kernel/service kernel/service/delivery/text kernel/wire wit",
	"kernel/service/node":            "kernel/event kernel/rpc kernel/service kernel/service/message kernel/store kernel/wire wit",
	"kernel/service/usage":           "kernel/rpc kernel/service kernel/service/message kernel/store kernel/wire wit",
	"kernel/service/webhook":         "kernel/proof kernel/service wit",
	"kernel/service/delivery":        "kernel/event kernel/retry kernel/rpc kernel/service kernel/service/delivery/text kernel/service/message kernel/service/move kernel/store kernel/turns kernel/wire wit",
	"kernel/service/inbox":           "kernel/event kernel/rpc kernel/service kernel/service/message kernel/service/move kernel/service/question kernel/store kernel/wire wit",
	"kernel/service/run":             "kernel/claim kernel/retry kernel/service kernel/service/message kernel/service/session kernel/store kernel/turns wit",
	"kernel/service/agent":           "kernel/egress kernel/excerpt kernel/packet kernel/plain kernel/retry kernel/service kernel/service/agent/cooldown kernel/service/hook kernel/service/message kernel/service/run kernel/service/session kernel/setting kernel/sse kernel/store wit",
	"kernel/service/agent/cooldown":  "kernel/retry kernel/store wit",
	"kernel/service/chat":            "kernel/event kernel/media kernel/rpc kernel/service kernel/service/agent kernel/service/agent/cooldown kernel/service/message kernel/service/run kernel/service/session kernel/store kernel/wire wit",
	"kernel/service/endpoint":        "kernel/rpc kernel/service/session kernel/wire wit",
	"kernel/service/inlet":           "kernel/config kernel/service kernel/service/endpoint kernel/service/message kernel/service/run kernel/store wit",
	"kernel/service/toolbox":         "kernel/service kernel/service/endpoint kernel/service/session wit",
	"kernel/service/control":         "kernel/rate kernel/rpc kernel/service kernel/service/endpoint wit",
	"kernel/service/toolserver":      "kernel/config kernel/egress kernel/event kernel/retry kernel/rpc kernel/service kernel/wire wit",
	"kernel/service/mcp":             "kernel/event kernel/rpc kernel/service kernel/service/endpoint kernel/service/session wit",
	"kernel/service/openai":          "kernel/service kernel/service/agent kernel/service/endpoint kernel/service/run kernel/service/session kernel/wire wit",
	"kernel/service/cron":            "kernel/event kernel/retry kernel/rpc kernel/schedule kernel/service kernel/store kernel/wire wit",
	"kernel/service/system":          "kernel/config kernel/event kernel/logs kernel/rpc kernel/service kernel/service/session kernel/typo kernel/wire wit",
	"kernel/service/draft":           "kernel/retry kernel/service kernel/service/agent kernel/service/delivery kernel/service/delivery/text kernel/service/message kernel/service/run kernel/service/session kernel/store wit",
	"kernel/service/delivery/text":   "kernel/markup wit",

	"kernel/service/session/archive":  "kernel/file kernel/rpc kernel/service kernel/service/message kernel/service/session kernel/service/session/transfer kernel/store kernel/wire wit",
	"kernel/service/person":           "kernel/rpc kernel/service kernel/service/message kernel/store kernel/wire wit",
	"kernel/service/session/search":   "kernel/event kernel/rpc kernel/service kernel/service/session kernel/store kernel/store/words kernel/wire wit",
	"kernel/store/words":              "",
	"kernel/store/foreign":            "wit",
	"kernel/service/session/transfer": "kernel/rpc kernel/service kernel/service/session kernel/store kernel/wire wit",
}

// owners is "one library, one package": the only folders of the kernel that may import it. A websocket has
// two ends: gateway is what clients connect to, egress is what plugins connect out through.
var owners = map[string]string{
	"github.com/go-chi/chi":                  "kernel/gateway",
	"github.com/coder/websocket":             "kernel/egress kernel/gateway",
	"github.com/tetratelabs/wazero":          "kernel/runtime",
	"github.com/extism/go-sdk":               "kernel/runtime",
	"github.com/robfig/cron":                 "kernel/schedule",
	"modernc.org/sqlite":                     "kernel/store",
	"golang.org/x/image":                     "kernel/picture",
	"github.com/zalando/go-keyring":          "kernel/secret",
	"github.com/fsnotify/fsnotify":           "kernel/plugin/source",
	"github.com/santhosh-tekuri/jsonschema":  "kernel/plugin/manifest",
	"github.com/evanw/esbuild":               "kernel/plugin/script",
	"oras.land/oras-go":                      "kernel/oci",
	"github.com/modelcontextprotocol/go-sdk": "kernel/service/mcp kernel/service/toolserver",
}

// guests are the folders that newcomers read first and copy from: what is in them uses nothing of the
// module but the contract, the SDK, what is in the same plugin's folder, and what is shared.
var guests = []string{"builtin-plugins/", "pdk-examples/"}

// shared are packages of a plugin's that others may use as well: what is known of one maker's models, which more than one
// service serves.
var shared = []string{"builtin-plugins/anthropic/claude"}

const (
	fileLines = 500
	testLines = 800
)

// TestHouse holds the import table, the owners of libraries, package comments, file sizes, and the rules
// against init and package-level state in the kernel and against sleeping tests.
func TestHouse(t *testing.T) {
	module, err := source.Read("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range module.Dirs() {
		p := module.Packages[dir]
		checkArrows(t, p)
		checkOwners(t, p)
		checkGuest(t, p)
		checkComment(t, p)
		checkSleeps(t, p)
		for _, f := range p.Files {
			checkSize(t, f)
		}
		if inKernel(dir) {
			checkState(t, p)
			checkRefusals(t, p)
		}
	}
	for dir := range imports {
		if module.Packages[dir] == nil {
			t.Errorf("the import table names %s, which is gone: take the line out", dir)
		}
	}
}

// inKernel reports whether the rules for what runs in the gateway hold for a folder.
func inKernel(dir string) bool {
	return strings.HasPrefix(dir, "kernel/") && !forTests(dir)
}

// forTests reports whether a folder serves tests only; it may import what it likes.
func forTests(dir string) bool {
	return strings.HasPrefix(dir, "kernel/kerneltest") || strings.HasPrefix(dir, "builtin-plugins/channeltest/") || strings.HasPrefix(dir, "sdk/go/channel/channeltest/") || strings.HasSuffix(path.Base(dir), "test")
}

func checkArrows(t *testing.T, p *source.Package) {
	t.Helper()
	if strings.HasPrefix(p.Dir, "sdk/") {
		for _, name := range p.Imports() {
			if to, ok := source.Own(name); ok && (strings.HasPrefix(to, "kernel") || strings.HasPrefix(to, "builtin-plugins")) {
				t.Errorf("%s: the sdk must not import %s", p.Dir, to)
			}
		}
	}
	if !inKernel(p.Dir) && p.Dir != "wit" && p.Dir != "wit/codec" {
		return
	}
	permitted, known := imports[p.Dir]
	if !known {
		t.Errorf("add %s to the import table", p.Dir)
		return
	}
	unused := strings.Fields(permitted)
	for _, name := range p.Imports() {
		to, ok := source.Own(name)
		if !ok {
			continue
		}
		if i := slices.Index(unused, to); i >= 0 {
			unused = slices.Delete(unused, i, i+1)
		} else {
			t.Errorf("%s must not import %s", p.Dir, to)
		}
	}
	for _, to := range unused {
		t.Errorf("%s does not import %s: take it out of the import table", p.Dir, to)
	}
}

// checkRefusals: what is refused since it comes too often, or since there is too much of it, says when to come back.
func checkRefusals(t *testing.T, p *source.Package) {
	t.Helper()
	limited := func(e ast.Expr) bool {
		s, ok := e.(*ast.SelectorExpr)
		return ok && s.Sel.Name == "CodeRateLimited"
	}
	for _, f := range p.Sources() {
		ast.Inspect(f.AST, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 || !limited(call.Args[0]) {
				return true
			}
			if fn, ok := call.Fun.(*ast.SelectorExpr); ok && (fn.Sel.Name == "NewError" || fn.Sel.Name == "Errorf") {
				t.Errorf("%s: %s of CodeRateLimited does not say when to come back: use ErrorAfter", f.Path, fn.Sel.Name)
			}
			return true
		})
	}
}

func checkOwners(t *testing.T, p *source.Package) {
	t.Helper()
	if !inKernel(p.Dir) {
		return
	}
	for library, folders := range owners {
		ours := slices.ContainsFunc(strings.Fields(folders), func(f string) bool { return p.Dir == f || strings.HasPrefix(p.Dir, f+"/") })
		used := slices.ContainsFunc(p.Imports(), func(name string) bool { return strings.HasPrefix(name, library) })
		if used && !ours {
			t.Errorf("%s imports %s, which only %s may", p.Dir, library, folders)
		}
	}
}

func checkGuest(t *testing.T, p *source.Package) {
	t.Helper()
	if forTests(p.Dir) {
		return
	}
	for _, folder := range guests {
		inside, ok := strings.CutPrefix(p.Dir, folder)
		if !ok {
			continue
		}
		own, _, _ := strings.Cut(inside, "/")
		for _, name := range p.Imports() {
			to, ours := source.Own(name)
			if !ours || to == "wit" || strings.HasPrefix(to, "sdk/go") || strings.HasPrefix(to+"/", folder+own+"/") {
				continue
			}
			if own == "bundle" && strings.HasPrefix(to, folder) {
				continue // the file that holds all of them
			}
			if slices.Contains(shared, to) {
				continue
			}
			t.Errorf("%s imports %s: a plugin uses the sdk, the contract and what is shared alone", p.Dir, to)
		}
	}
}

func checkComment(t *testing.T, p *source.Package) {
	t.Helper()
	files := p.Sources()
	if len(files) > 0 && !slices.ContainsFunc(files, func(f *source.File) bool { return f.AST.Doc != nil }) {
		t.Errorf("%s: no package comment", p.Dir)
	}
}

func checkSize(t *testing.T, f *source.File) {
	t.Helper()
	limit := fileLines
	if f.Test {
		limit = testLines
	}
	if !f.Generated && f.Lines > limit {
		t.Errorf("%s has %d lines, more than %d: which noun is hiding in it?", f.Path, f.Lines, limit)
	}
}

// checkSleeps refuses tests that wait on the clock of the machine. In a bubble of testing/synctest a sleep
// takes no time; a benchmark may let the machine settle.
func checkSleeps(t *testing.T, p *source.Package) {
	t.Helper()
	var sleeps []string
	bubbles := false
	for _, f := range p.Files {
		if !f.Test || strings.HasSuffix(f.Path, "bench_test.go") {
			continue
		}
		bubbles = bubbles || slices.Contains(f.Imports(), "testing/synctest")
		if calls(f.AST, "time", "Sleep") {
			sleeps = append(sleeps, f.Path)
		}
	}
	if !bubbles && len(sleeps) > 0 {
		t.Errorf("%v: a test waits for what it waits for, or sleeps in a bubble of testing/synctest", sleeps)
	}
}

// calls reports whether a file calls pkg.name.
func calls(f *ast.File, pkg, name string) bool {
	found := false
	ast.Inspect(f, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			if s, ok := call.Fun.(*ast.SelectorExpr); ok && s.Sel.Name == name {
				x, ok := s.X.(*ast.Ident)
				found = found || ok && x.Name == pkg
			}
		}
		return !found
	})
	return found
}

// stateful are types whose values change while they are used, so that a package-level one would be shared
// by two kernels in one process.
var stateful = []string{"sync.", "atomic.", "rand.Rand", "chan "}

// checkState refuses init functions, and package-level variables that anything could change: of a type
// that is made to change, or assigned to after their declaration.
func checkState(t *testing.T, p *source.Package) {
	t.Helper()
	names := map[string]bool{}
	for _, f := range p.Sources() {
		for _, d := range f.AST.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				t.Errorf("%s: no init in the kernel", f.Path)
			}
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.VAR {
				for _, spec := range g.Specs {
					checkVariable(t, f, spec.(*ast.ValueSpec), names)
				}
			}
		}
	}
	for _, f := range p.Sources() {
		checkAssignments(t, f, names)
	}
}

func checkVariable(t *testing.T, f *source.File, v *ast.ValueSpec, names map[string]bool) {
	t.Helper()
	for i, name := range v.Names {
		names[name.Name] = name.Name != "_"
		text := expression(v.Type)
		if i < len(v.Values) {
			text += " " + expression(v.Values[i])
		} else if v.Values == nil {
			t.Errorf("%s: the package-level variable %s is declared without a value: who sets it?", f.Path, name.Name)
		}
		for _, kind := range stateful {
			if strings.Contains(text, kind) {
				t.Errorf("%s: the package-level variable %s is state (%s): give it an owner", f.Path, name.Name, text)
			}
		}
	}
}

// expression writes a type, or what a value is made by, as far as checkVariable needs it.
func expression(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return expression(e.X) + "." + e.Sel.Name
	case *ast.StarExpr:
		return expression(e.X)
	case *ast.UnaryExpr:
		return expression(e.X)
	case *ast.CompositeLit:
		return expression(e.Type)
	case *ast.IndexExpr:
		return expression(e.X)
	case *ast.ChanType:
		return "chan " + expression(e.Value)
	case *ast.CallExpr:
		if len(e.Args) > 0 && expression(e.Fun) == "make" {
			return expression(e.Args[0])
		}
		return expression(e.Fun)
	}
	return ""
}

// checkAssignments looks for package-level variables that a function changes, unless it has a variable of
// its own of that name.
func checkAssignments(t *testing.T, f *source.File, names map[string]bool) {
	t.Helper()
	for _, d := range f.AST.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			continue
		}
		local := locals(fn)
		changed := func(e ast.Expr) {
			if name := root(e); names[name] && !local[name] {
				t.Errorf("%s: %s changes the package-level variable %s: give it an owner", f.Path, fn.Name.Name, name)
			}
		}
		ast.Inspect(fn.Body, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for _, e := range n.Lhs {
					if n.Tok != token.DEFINE {
						changed(e)
					}
				}
			case *ast.IncDecStmt:
				changed(n.X)
			}
			return true
		})
	}
}

// root returns the variable that an assignment to e changes.
func root(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.IndexExpr:
		return root(e.X)
	case *ast.SelectorExpr:
		return root(e.X)
	case *ast.StarExpr:
		return root(e.X)
	}
	return ""
}

// locals lists the names that a function declares for itself.
func locals(fn *ast.FuncDecl) map[string]bool {
	names := map[string]bool{}
	ast.Inspect(fn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.Field:
			for _, name := range n.Names {
				names[name.Name] = true
			}
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				for _, e := range n.Lhs {
					names[root(e)] = true
				}
			}
		case *ast.ValueSpec:
			for _, name := range n.Names {
				names[name.Name] = true
			}
		case *ast.RangeStmt:
			if n.Tok == token.DEFINE {
				names[root(n.Key)], names[root(n.Value)] = true, true
			}
		}
		return true
	})
	return names
}

// vendors are names that the kernel does not know.
var vendors = []string{"telegram", "discord", "slack", "whatsapp", "anthropic", "gemini", "ollama", "openai"}

// protocols are the places where a vendor's name is that of a protocol which the gateway itself speaks to its clients.
var protocols = map[string][]string{"openai": {"kernel/kernel.go", "kernel/services_http.go", "kernel/service/openai/"}}

// TestKernelNamesNoVendor reads the kernel's code for names of platforms and models.
func TestKernelNamesNoVendor(t *testing.T) {
	module, err := source.Read("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range module.Packages {
		if !strings.HasPrefix(p.Dir, "kernel") {
			continue
		}
		for _, f := range p.Sources() {
			b, err := os.ReadFile(path.Join("..", f.Path))
			if err != nil {
				t.Fatal(err)
			}
			text := strings.ToLower(string(b))
			for _, vendor := range vendors {
				served := slices.ContainsFunc(protocols[vendor], func(at string) bool { return strings.HasPrefix(f.Path, at) })
				if !served && strings.Contains(text, vendor) {
					t.Errorf("%s names %s", f.Path, vendor)
				}
			}
		}
	}
}
