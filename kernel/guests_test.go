package kernel_test

import (
	"slices"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
)

// guestVersions are the plugins of testdata, each in the versions that the tests here use; "" is that of the source.
var guestVersions = map[string][]string{
	"faulty":   {""},
	"guest":    {"v1", "v2", "v3", "mine", "dies", "loops"},
	"reminder": {"v1", "v2"},
	"settled":  {""},
	"several":  {"v1", "v2", "broken"},
}

// wasm is the code of a guest in one of its versions.
func wasm(t *testing.T, name, version string) []byte {
	t.Helper()
	if !slices.Contains(guestVersions[name], version) {
		t.Fatalf("the version %q of %s is missing in guestVersions", version, name)
	}
	var define []string
	if version != "" {
		define = []string{"main.version=" + version}
	}
	return kerneltest.WASM(t, "github.com/carapace-gateway/carapace/kernel/testdata/"+name, define...)
}

// TestGoGuestsCompile: each guest is a module. The race detector's run leaves out this one, and finds their machine code, since
// it makes the compiler ten times slower.
func TestGoGuestsCompile(t *testing.T) {
	for name, versions := range guestVersions {
		for _, version := range versions {
			wasm(t, name, version)
		}
	}
}
