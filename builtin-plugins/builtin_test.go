package builtin_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	builtin "github.com/carapace-gateway/carapace/builtin-plugins"
	"github.com/carapace-gateway/carapace/wit"
)

// manifests returns every built-in plugin.json by its folder.
func manifests(t *testing.T) map[string][]byte {
	t.Helper()
	names, err := fs.Glob(builtin.FS(), "*/plugin.json")
	if err != nil || len(names) == 0 {
		t.Fatalf("no manifests: %v", err)
	}
	found := map[string][]byte{}
	for _, name := range names {
		data, err := fs.ReadFile(builtin.FS(), name)
		if err != nil {
			t.Fatal(err)
		}
		found[filepath.Dir(name)] = data
	}
	return found
}

// bundles are the names of those that are built.
func bundles(t *testing.T) (names []string) {
	t.Helper()
	entries, err := os.ReadDir("bundle")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name()+".wasm")
	}
	return names
}

func TestFS(t *testing.T) {
	if err := fstest.TestFS(builtin.FS(), "eliza/plugin.json"); err != nil {
		t.Error(err)
	}
	if _, err := fs.Stat(builtin.FS(), "dist"); err == nil {
		t.Error("dist shows")
	}
	for _, name := range bundles(t) {
		_, built := os.Stat("dist/" + name)
		_, listed := fs.Stat(builtin.FS(), name)
		if (built == nil) != (listed == nil) {
			t.Errorf("%s on disk: %v, in FS: %v", name, built, listed)
		}
	}
}

func schema(t *testing.T, value any) *jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("schema.json", value); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

func decode(t *testing.T, data []byte) any {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func TestManifests(t *testing.T) {
	published, err := os.ReadFile("../wit/plugin.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	valid := schema(t, decode(t, published))
	for folder, data := range manifests(t) {
		if err := valid.Validate(decode(t, data)); err != nil {
			t.Errorf("%s: %v", folder, err)
		}
		var m wit.Manifest
		if err := wit.UnmarshalStrict(data, &m); err != nil {
			t.Errorf("%s: %v", folder, err)
		}
		bundle, member, _ := strings.Cut(m.Entry, "#")
		if m.ID != folder || member != folder || !slices.Contains(bundles(t), bundle) || m.ABI != 1 {
			t.Errorf("%s: id %q, entry %q, abi %d", folder, m.ID, m.Entry, m.ABI)
		}
		if len(m.Config) > 0 {
			schema(t, decode(t, m.Config))
		}
		for _, tool := range m.Provides.Tools {
			schema(t, decode(t, tool.Parameters))
		}
	}
}

func TestSchemaRefuses(t *testing.T) {
	published, err := os.ReadFile("../wit/plugin.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	valid := schema(t, decode(t, published))
	for name, change := range map[string]func(map[string]any){
		"unknown field":     func(m map[string]any) { m["extra"] = true },
		"no id":             func(m map[string]any) { delete(m, "id") },
		"abi of text":       func(m map[string]any) { m["abi"] = "1" },
		"unknown provides":  func(m map[string]any) { m["provides"] = map[string]any{"door": true} },
		"reasonless kv":     func(m map[string]any) { m["permissions"] = map[string]any{"kv": map[string]any{}} },
		"unknown hook":      func(m map[string]any) { m["provides"] = map[string]any{"hooks": []any{map[string]any{"name": "x"}}} },
		"nameless hook":     func(m map[string]any) { m["provides"] = map[string]any{"hooks": []any{map[string]any{}}} },
		"instances of text": func(m map[string]any) { m["limits"] = map[string]any{"instances": "many"} },
	} {
		var m map[string]any
		if err := json.Unmarshal(manifests(t)["eliza"], &m); err != nil {
			t.Fatal(err)
		}
		change(m)
		if valid.Validate(m) == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

// Every plugin has the same small shape, so that who knows one knows all.
func TestFolders(t *testing.T) {
	for folder := range manifests(t) {
		readme, err := os.ReadFile(filepath.Join(folder, "README.md"))
		if err != nil {
			t.Error(err)
			continue
		}
		for _, heading := range []string{"# ", "## Configuration", "## Permissions", "## Example"} {
			if !strings.Contains("\n"+string(readme), "\n"+heading) {
				t.Errorf("%s/README.md has no %q", folder, heading)
			}
		}
		for _, file := range []string{"main/main.go", "testdata"} {
			if _, err := os.Stat(filepath.Join(folder, file)); err != nil {
				t.Error(err)
			}
		}
	}
}

var registration = regexp.MustCompile(`\.Register\("([a-z0-9-]+)"`)

func TestBundlesHoldEveryPlugin(t *testing.T) {
	var registered, listed []string
	for _, bundle := range bundles(t) {
		source, err := os.ReadFile("bundle/" + strings.TrimSuffix(bundle, ".wasm") + "/main.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range registration.FindAllStringSubmatch(string(source), -1) {
			registered = append(registered, bundle+"#"+found[1])
		}
	}
	for _, data := range manifests(t) {
		var m wit.Manifest
		if err := wit.UnmarshalStrict(data, &m); err != nil {
			t.Fatal(err)
		}
		listed = append(listed, m.Entry)
	}
	slices.Sort(registered)
	slices.Sort(listed)
	if registered = slices.Compact(registered); !slices.Equal(registered, listed) {
		t.Errorf("the bundles register %q, manifests are of %q", registered, listed)
	}
}

// TestPricesNameTheirSource: a page of the provider over https, a day, and prices that can be, each model once in a list. What works
// offline costs nothing.
func TestPricesNameTheirSource(t *testing.T) {
	lists := 0
	for id, data := range manifests(t) {
		var m wit.Manifest
		if err := json.Unmarshal(data, &m); err != nil {
			t.Fatal(err)
		}
		if m.Provides.Provider == nil {
			continue
		}
		for _, list := range m.Provides.Provider.Prices {
			if m.Provides.Provider.Offline { // it asks nobody who wants money
				if slices.ContainsFunc(list.Models, func(p wit.ModelPrice) bool { return p.Input+p.Output+p.CacheRead+p.CacheWrite != 0 }) {
					t.Errorf("%s works offline and costs %+v", id, list.Models)
				}
				continue
			}
			lists++
			if _, err := time.Parse(time.DateOnly, list.Date); err != nil || !strings.HasPrefix(list.Source, "https://") || len(list.Where) == 0 {
				t.Errorf("%s: %s on %s, where %v", id, list.Source, list.Date, list.Where)
			}
			if _, err := time.Parse(time.DateOnly, list.Until); list.Until != "" && err != nil {
				t.Errorf("%s: until %s", id, list.Until)
			}
			seen := map[string]bool{}
			for _, p := range list.Models {
				if l := p.Long; l != nil && (l.Over == 0 || l.Input < p.Input || l.Output < p.Output || l.CacheRead < p.CacheRead || l.CacheWrite < p.CacheWrite) {
					t.Errorf("%s: %s costs less when it is long: %+v", id, p.Models, l)
				}
				for _, name := range p.Models {
					if seen[name] || p.Input <= 0 || p.Output < 0 || p.CacheRead > p.Input || p.CacheRead < 0 || p.CacheWrite < 0 {
						t.Errorf("%s: %s costs %+v", id, name, p)
					}
					seen[name] = true
				}
			}
		}
	}
	if lists == 0 {
		t.Error("there are none")
	}
}
