package builtin_test

import (
	"slices"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/service/agent"
	"github.com/carapace-gateway/carapace/sdk/go/channel/menu"
)

// TestMenu: what platforms list is what the gateway understands, without the second name of a command.
func TestMenu(t *testing.T) {
	var listed, known []string
	for _, c := range menu.Default() {
		listed = append(listed, c.Name)
	}
	for _, c := range agent.Commands() {
		if c.Name != "reset" {
			known = append(known, c.Name)
		}
	}
	slices.Sort(listed)
	slices.Sort(known)
	if !slices.Equal(listed, known) {
		t.Errorf("platforms list %q, the gateway understands %q", listed, known)
	}
}
