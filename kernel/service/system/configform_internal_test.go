package system

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/wit"
)

// sections are plugins of which only their sections of the settings are known.
type sections struct {
	Plugins
	list []config.FormSection
}

func (s *sections) Sections() []config.FormSection { return s.list }

// TestTheFormIsKept until a plugin comes, goes, or says something else of its section.
func TestTheFormIsKept(t *testing.T) {
	plugins := &sections{}
	form := &configForm{plugins: plugins}
	var last any
	for _, step := range []struct {
		name  string
		list  []config.FormSection
		fresh bool
		shows string
	}{
		{"no plugin", nil, true, `"channels"`},
		{"none again", nil, false, `"channels"`},
		{"a plugin", []config.FormSection{{ID: "echo", Schema: wit.JSON(`{"properties":{"tone":{}}}`)}}, true, `"tone"`},
		{"the same, read anew", []config.FormSection{{ID: "echo", Schema: wit.JSON(`{"properties":{"tone":{}}}`)}}, false, `"tone"`},
		{"another field", []config.FormSection{{ID: "echo", Schema: wit.JSON(`{"properties":{"mood":{}}}`)}}, true, `"mood"`},
		{"a channel", []config.FormSection{{ID: "echo", Channel: true, Schema: wit.JSON(`{"properties":{"mood":{}}}`)}}, true, `"mood"`},
		{"no plugin again", nil, true, `"channels"`},
	} {
		plugins.list = step.list
		of, ok := form.schemaBasis(t.Context(), rpc.None{})
		if fresh := of != last; fresh != step.fresh || !ok {
			t.Errorf("%s: made anew %v", step.name, fresh)
		}
		last = of
		if got, err := form.schema(t.Context(), rpc.None{}); err != nil || !strings.Contains(string(got.Schema), step.shows) {
			t.Errorf("%s: %v, %s", step.name, err, got.Schema)
		}
	}
}
