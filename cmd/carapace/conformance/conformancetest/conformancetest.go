// Package conformancetest holds plugins of this repository to the contract in tests.
package conformancetest

import (
	"context"
	"slices"
	"strings"
	"testing"

	builtin "github.com/carapace-gateway/carapace/builtin-plugins"
	"github.com/carapace-gateway/carapace/cmd/carapace/conformance"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin/engine"
	"github.com/carapace-gateway/carapace/kernel/plugin/script"
	"github.com/carapace-gateway/carapace/kernel/runtime"
	"github.com/carapace-gateway/carapace/sdk/js"
)

// Engine runs plugins, modules and scripts, until the test ends.
func Engine(t testing.TB) engine.Engine {
	t.Helper()
	rt, err := runtime.New(context.Background(), runtime.Config{CacheDir: kerneltest.CacheDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rt.Close(context.Background()) })
	return engine.Scripts(rt, engine.JavaScript{Interpreter: builtin.Interpreter, Prelude: js.Prelude(), Bundler: script.Bundler{Module: js.Name, SDK: js.Module()}}, kerneltest.PythonEngine())
}

// Run tests a plugin.
func Run(t testing.TB, e engine.Engine, s conformance.Subject) *conformance.Report {
	t.Helper()
	report, err := conformance.Run(context.Background(), conformance.Options{Engine: e, Gateway: "dev"}, s)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// Check fails the test for each check that the plugin does not pass, of those whose names begin so; all where none are named.
func Check(t testing.TB, e engine.Engine, s conformance.Subject, begin ...string) {
	t.Helper()
	report := Run(t, e, s)
	for _, c := range report.Checks {
		if len(begin) > 0 && !slices.ContainsFunc(begin, func(b string) bool { return strings.HasPrefix(c.Name, b) }) {
			continue
		}
		if c.State == conformance.Failed || c.State == conformance.Warning {
			t.Errorf("%s %s %s: %q", c.State, c.Subject, c.Name, c.Found)
		}
	}
	if report.Calls < 10 {
		t.Errorf("only %d calls were made", report.Calls)
	}
}
