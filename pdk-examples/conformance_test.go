package examples_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/carapace-gateway/carapace/cmd/carapace/conformance"
	"github.com/carapace-gateway/carapace/cmd/carapace/conformance/conformancetest"
	"github.com/carapace-gateway/carapace/kernel/plugin/source"
)

// TestConformance: every example is what `carapace plugins test` asks of a plugin.
func TestConformance(t *testing.T) {
	t.Parallel()
	conform(t, ".", 20)
}

// contract1 has plugins as they were when contract 1 was recorded.
const contract1 = "../wit/contract/testdata/contract-1"

// TestConformanceOfContract1: what was built against contract 1 loads, and answers all that the contract of today has. How it bears
// what goes wrong is its own.
func TestConformanceOfContract1(t *testing.T) {
	t.Parallel()
	conform(t, contract1, 5, "the manifest", "the code", "an instance", "answers")
}

// TestContract1: what was built against contract 1 works in the gateway of today.
func TestContract1(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"go-channel", "ts-channel"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			converse(t, filepath.Join(contract1, name), filepath.Join(contract1, "ts-hook"))
		})
	}
}

// conform tests the plugins in a folder, of which there are so many at least.
func conform(t *testing.T, dir string, least int, checks ...string) {
	t.Helper()
	manifests, err := filepath.Glob(filepath.Join(dir, "*", "plugin.json"))
	if err != nil || len(manifests) < least {
		t.Fatal(manifests, err)
	}
	run := conformancetest.Engine(t)
	for _, file := range manifests {
		folder := filepath.Dir(file)
		name := filepath.Base(folder)
		t.Run(name, func(t *testing.T) {
			subject, err := conformance.Of(source.Package{Folder: name, Path: name, Root: os.DirFS(dir)}, folder)
			if err != nil {
				t.Fatal(err)
			}
			if !isScript(name) {
				code := module(t, folder)
				subject.Code = func(string) ([]byte, error) { return code, nil }
			}
			conformancetest.Check(t, run, subject, checks...)
		})
	}
}
