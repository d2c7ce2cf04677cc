package fieldtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/carapace-gateway/carapace/kernel"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
)

// Case is what cases of all kinds have.
type Case struct {
	Kind string `json:"kind"`
	// About says in a sentence what comes and what is right.
	About string `json:"about"`
	// Source is where it was seen.
	Source string `json:"source"`
	// Config is laid over the config file.
	Config map[string]any `json:"config"`
	// Model is the model's name, m when empty, and BasePath the path of the server's address, /v1 when empty.
	Model    string `json:"model"`
	BasePath string `json:"basePath"`
	// Plugins are further plugins by their ids: manifests, of which the entry is code of the bundle.
	Plugins map[string]map[string]any `json:"plugins"`
	// Reply answers all requests to the model, or Responses one each.
	Reply     string     `json:"reply"`
	Responses []Response `json:"responses"`
	// Expect is an object, or a list of objects of which one has to hold; Judge reads it.
	Expect json.RawMessage `json:"expect"`
}

// Kind runs the cases of one kind: data is the case's file, which Load reads.
type Kind func(t *testing.T, stage Stage, data []byte)

// Stage is what cases are run on.
type Stage struct {
	// Folder holds the built-in plugins.
	Folder string
	// Provider is the id of the plugin that speaks to a server of chat completions.
	Provider string
}

// Run runs the cases of one plugin, each as a test of its own and in parallel. kinds are by the names that the
// cases use.
func Run(t *testing.T, stage Stage, plugin string, kinds map[string]Kind) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(stage.Folder, plugin, "testdata", "field", "*.json"))
	if err != nil || len(names) == 0 {
		t.Fatalf("%s has no cases: %v", plugin, err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".json"), func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			data = repeat(data)
			var c Case
			if err := json.Unmarshal(data, &c); err != nil {
				t.Fatal(err)
			}
			kind := kinds[c.Kind]
			if kind == nil || c.About == "" || c.Source == "" {
				t.Fatalf("a case has about, source, and a kind that is known here, not %q", c.Kind)
			}
			kind(t, stage, data)
		})
	}
}

var repeated = regexp.MustCompile(`\{\{repeat (\d+) (.*?)\}\}`)

// repeat writes {{repeat n text}} out.
func repeat(data []byte) []byte {
	return repeated.ReplaceAllFunc(data, func(found []byte) []byte {
		parts := repeated.FindSubmatch(found)
		n, err := strconv.Atoi(string(parts[1]))
		if err != nil {
			return found
		}
		return bytes.Repeat(parts[2], n)
	})
}

// Load reads a case into a kind's own type. A field that the type does not have is an error: a case would be
// taken for one that holds.
func Load[C any](t *testing.T, data []byte) *C {
	t.Helper()
	c := new(C)
	if err := strictly(data, c); err != nil {
		t.Fatal(err)
	}
	return c
}

func strictly(data []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	return d.Decode(to)
}

// Judge checks a case's expectation, of a kind's own type: problems says what does not hold.
func Judge[E any](t *testing.T, c *Case, problems func(E) []string) {
	t.Helper()
	choices := []json.RawMessage{c.Expect}
	if bytes.HasPrefix(bytes.TrimSpace(c.Expect), []byte("[")) {
		if err := json.Unmarshal(c.Expect, &choices); err != nil {
			t.Fatal(err)
		}
	}
	var all []string
	for i, choice := range choices {
		var e E
		if err := strictly(choice, &e); err != nil {
			t.Fatalf("expect: %v", err)
		}
		found := problems(e)
		if len(found) == 0 {
			return
		}
		all = append(all, fmt.Sprintf("choice %d: %s", i+1, strings.Join(found, "; ")))
	}
	t.Errorf("%s\n%s", c.About, strings.Join(all, "\n"))
}

// Options are what a kernel is booted with for the case, beside where the model is: see Completions.Option. It
// builds the plugins, so it must not be called in a bubble of testing/synctest.
func (c *Case) Options(t *testing.T, stage Stage) []kerneltest.Option {
	t.Helper()
	more := fstest.MapFS{}
	for id, m := range c.Plugins {
		more[id+"/plugin.json"] = &fstest.MapFile{Data: Manifest(t, id, m)}
	}
	return []kerneltest.Option{
		kerneltest.Bundled(t, stage.Folder), kerneltest.Compiled(t),
		func(o *kernel.Options) {
			files := o.Builtins.(fstest.MapFS) // Bundled's own, made for this case
			for name, file := range more {
				files[name] = file
			}
		},
	}
}

// Manifest is that of a case's plugin: what every plugin has to say, and fields over it.
func Manifest(t *testing.T, id string, fields map[string]any) []byte {
	t.Helper()
	m := map[string]any{"id": id, "name": id, "version": "1.0.0", "description": id, "abi": 1}
	merge(m, fields)
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Configure is the config file of the case: the provider's section, what else the kind needs, and the case's own
// part over both.
func (c *Case) Configure(t *testing.T, stage Stage, address string, more map[string]any) kerneltest.Option {
	t.Helper()
	model, path := c.Model, c.BasePath
	if model == "" {
		model = "m"
	}
	if path == "" {
		path = "/v1"
	}
	all := map[string]any{"plugins": map[string]any{stage.Provider: map[string]any{
		"config": map[string]any{"baseUrl": "http://" + address + path, "model": model},
	}}}
	merge(all, more)
	merge(all, c.Config)
	text, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return kerneltest.Config(t, string(text))
}

// merge lays over upon base, object by object.
func merge(base, over map[string]any) {
	for key, value := range over {
		below, ok := base[key].(map[string]any)
		above, too := value.(map[string]any)
		if ok && too {
			merge(below, above)
		} else {
			base[key] = value
		}
	}
}
