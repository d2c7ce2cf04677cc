package examples_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/carapace-gateway/carapace/cmd/carapace/conformance"
	"github.com/carapace-gateway/carapace/cmd/carapace/conformance/conformancetest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin/source"
)

// TestConformance: every example is what `carapace plugins test` asks of a plugin.
func TestConformance(t *testing.T) {
	t.Parallel()
	manifests, err := filepath.Glob("*/plugin.json")
	if err != nil || len(manifests) < 20 {
		t.Fatal(manifests, err)
	}
	run := conformancetest.Engine(t)
	for _, file := range manifests {
		name := filepath.Dir(file)
		t.Run(name, func(t *testing.T) {
			subject, err := conformance.Of(source.Package{Folder: name, Path: name, Root: os.DirFS(".")}, name)
			if err != nil {
				t.Fatal(err)
			}
			if !isScript(name) {
				wasm := kerneltest.WASM(t, "./"+name)
				subject.Code = func(string) ([]byte, error) { return wasm, nil }
			}
			conformancetest.Check(t, run, subject)
		})
	}
}
