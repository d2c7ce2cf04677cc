package docs_test

import (
	"os"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
)

// TestSessions: a gateway starts with the settings that the page shows.
func TestSessions(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("sessions.md")
	if err != nil {
		t.Fatal(err)
	}
	found := fence.FindAllStringSubmatch(string(b), -1)
	if len(found) != 1 || found[0][1] != "json config" {
		t.Fatalf("the page has %d blocks", len(found))
	}
	kerneltest.Start(t, kerneltest.Config(t, found[0][2])).Listen().MustCall("sessions.list", nil, nil)
}
