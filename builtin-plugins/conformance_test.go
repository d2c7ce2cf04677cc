package builtin_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/cmd/carapace/conformance"
	"github.com/carapace-gateway/carapace/cmd/carapace/conformance/conformancetest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
)

// TestConformance: every built-in plugin is what `carapace plugins test` asks of a plugin.
func TestConformance(t *testing.T) {
	run := conformancetest.Engine(t)
	for id, text := range manifests(t) {
		t.Run(id, func(t *testing.T) {
			conformancetest.Check(t, run, conformance.Subject{
				Manifest: text, Folder: id, Code: func(bundle string) ([]byte, error) { return kerneltest.Bundle(t, bundle), nil },
			})
		})
	}
}
