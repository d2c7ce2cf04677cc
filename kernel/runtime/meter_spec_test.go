package runtime_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/runtime/meter"
	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"
)

const specFeatures = api.CoreFeaturesV2 | experimental.CoreFeaturesTailCall | experimental.CoreFeaturesExtendedConst

// moduleDir returns where a dependency's files are. Their tests come with them.
func moduleDir(t testing.TB, path string) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", path).Output()
	dir := strings.TrimSpace(string(out))
	if err != nil || dir == "" {
		t.Fatalf("%s is not in the module cache, run go mod download: %v", path, err)
	}
	return dir
}

// specScript is a script of the WebAssembly specification's test suite.
type specScript struct {
	Commands []specCommand `json:"commands"`
}

type specCommand struct {
	Type       string     `json:"type"`
	Line       int        `json:"line"`
	Name       string     `json:"name"`
	Filename   string     `json:"filename"`
	ModuleType string     `json:"module_type"`
	As         string     `json:"as"`
	Action     specAction `json:"action"`
	Expected   []specValue
}

type specAction struct {
	Type   string      `json:"type"`
	Module string      `json:"module"`
	Field  string      `json:"field"`
	Args   []specValue `json:"args"`
}

type specValue struct {
	Type     string `json:"type"`
	LaneType string `json:"lane_type"`
	Value    any    `json:"value"`
}

// TestSpecSuite runs the specification's test suite as it is, metered, and metered so that every
// step ticks, and compares: what
// the compiler accepts before the pass it accepts after it, what it refuses it refuses, and every
// action has the same results, or fails, in both.
func TestSpecSuite(t *testing.T) {
	root := filepath.Join(moduleDir(t, "github.com/tetratelabs/wazero"), "internal", "integration_test", "spectest")
	spectest, err := os.ReadFile(filepath.Join(root, "testdata", "spectest.wasm"))
	if err != nil {
		t.Fatal(err)
	}
	total, ticks := 0, 0
	for _, suite := range []string{"v1", "v2", "tail-call", "extended-const"} {
		scripts, _ := filepath.Glob(filepath.Join(root, suite, "testdata", "*.json"))
		if len(scripts) == 0 {
			t.Fatalf("suite %s has no scripts", suite)
		}
		for _, path := range scripts {
			t.Run(suite+"/"+strings.TrimSuffix(filepath.Base(path), ".json"), func(t *testing.T) {
				total += runScript(t, path, spectest, &ticks)
			})
		}
	}
	if total < 40_000 || ticks < total {
		t.Errorf("only %d actions were compared, with %d ticks", total, ticks)
	}
	t.Logf("%d actions compared, %d ticks", total, ticks)
}

func runScript(t *testing.T, path string, spectest []byte, ticks *int) (actions int) {
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var script specScript
	if err := json.Unmarshal(raw, &script); err != nil {
		t.Fatal(err)
	}
	plain := newWorld(t, spectest, nil)
	ticking := newWorld(t, spectest, &meter.Options{Interval: 1})
	worlds := []*world{newWorld(t, spectest, &meter.Options{}), ticking}
	for n, c := range script.Commands {
		switch c.Type {
		case "register":
			continue
		case "module", "assert_invalid", "assert_malformed", "assert_unlinkable", "assert_uninstantiable":
			if c.ModuleType == "text" || !strings.HasSuffix(c.Filename, ".wasm") {
				continue
			}
			wasm, err := os.ReadFile(filepath.Join(filepath.Dir(path), c.Filename))
			if err != nil {
				t.Fatal(err)
			}
			as := ""
			if n+1 < len(script.Commands) && script.Commands[n+1].Type == "register" {
				as = script.Commands[n+1].As
			}
			a := plain.load(wasm, as, c)
			for _, w := range worlds {
				if b := w.load(wasm, as, c); (a == nil) != (b == nil) {
					t.Errorf("line %d %s %s: plain: %v, metered: %v", c.Line, c.Type, c.Filename, a, b)
				}
			}
		default:
			actions++
			a, errA := plain.act(c.Action)
			for _, w := range worlds {
				b, errB := w.act(c.Action)
				if (errA == nil) != (errB == nil) || !slices.Equal(a, b) && !references(c) {
					t.Errorf("line %d %s: plain: %x %v, metered: %x %v", c.Line, c.Type, a, errA, b, errB)
				}
			}
			if c.Type == "assert_return" && errA != nil {
				t.Errorf("line %d: the plain module fails: %v", c.Line, errA)
			}
		}
	}
	*ticks += ticking.ticks
	return actions
}

// references says that results are addresses, which differ between two runtimes.
func references(c specCommand) bool {
	return slices.ContainsFunc(c.Expected, func(v specValue) bool { return v.Type == "funcref" })
}

// world is one runtime with the modules that a script has loaded.
type world struct {
	t     testing.TB
	r     wazero.Runtime
	meter *meter.Options // nil: modules are loaded as they are
	last  api.Module
	named map[string]api.Module
	ticks int
	seen  func() // at each tick, if set
}

func newWorld(t testing.TB, spectest []byte, o *meter.Options) *world {
	ctx := context.Background()
	w := &world{t: t, meter: o, named: map[string]api.Module{}}
	w.r = wazero.NewRuntimeWithConfig(ctx, wazero.NewRuntimeConfig().WithCoreFeatures(specFeatures))
	t.Cleanup(func() { _ = w.r.Close(ctx) })
	_, err := w.r.NewHostModuleBuilder(meter.TickModule).NewFunctionBuilder().
		WithFunc(func() {
			if w.ticks++; w.seen != nil {
				w.seen()
			}
		}).Export(meter.TickName).Instantiate(ctx)
	if err == nil && spectest != nil {
		_, err = w.r.InstantiateWithConfig(ctx, spectest, wazero.NewModuleConfig())
	}
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) load(wasm []byte, as string, c specCommand) error {
	var err error
	if w.meter != nil {
		if wasm, err = meter.Instrument(wasm, *w.meter); err != nil {
			return err
		}
	}
	m, err := w.r.InstantiateWithConfig(context.Background(), wasm, wazero.NewModuleConfig().WithName(as))
	if err != nil {
		return err
	}
	w.last = m
	if c.Name != "" {
		w.named[c.Name] = m
	}
	return nil
}

func (w *world) act(a specAction) ([]uint64, error) {
	m := w.last
	if a.Module != "" {
		m = w.named[a.Module]
	}
	if a.Type == "get" {
		return []uint64{m.ExportedGlobal(a.Field).Get()}, nil
	}
	f := m.ExportedFunction(a.Field)
	if f == nil {
		w.t.Fatalf("no function %s", a.Field)
	}
	var args []uint64
	for _, v := range a.Args {
		args = append(args, v.bits()...)
	}
	return f.Call(context.Background(), args...)
}

// bits is a value as the engine takes it: two words for a vector, one for anything else.
func (v specValue) bits() []uint64 {
	lanes, ok := v.Value.([]any)
	if !ok {
		return []uint64{scalar(v.Type, v.Value)}
	}
	width := map[string]int{"i8": 8, "i16": 16, "i32": 32, "f32": 32, "i64": 64, "f64": 64}[v.LaneType]
	words := make([]uint64, 2)
	for i, lane := range lanes {
		at := i * width
		words[at/64] |= scalar(v.LaneType, lane) & (1<<width - 1) << (at % 64)
	}
	return words
}

func scalar(typ string, value any) uint64 {
	s, ok := value.(string)
	switch {
	case !ok || s == "null":
		return 0
	case strings.HasPrefix(s, "-"):
		n, _ := strconv.ParseInt(s, 10, 64)
		if typ == "i32" {
			return uint64(uint32(n))
		}
		return uint64(n)
	case typ == "externref":
		n, _ := strconv.ParseUint(s, 10, 64)
		return n + 1
	}
	n, _ := strconv.ParseUint(s, 10, 64)
	return n
}
