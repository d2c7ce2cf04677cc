package toolname_test

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go/provider/toolname"
	"github.com/carapace-gateway/carapace/wit"
)

// TestNames: good names stay, others get one that nobody has, the same each time, and lead back.
func TestNames(t *testing.T) {
	chat := &wit.Chat{Tools: []wit.ToolSpec{{Name: "good"}, {Name: "a b"}, {Name: "a.b"}, {Name: "9"}, {Name: ""}}}
	names, again := toolname.New(chat), toolname.New(chat)
	back := names.Back(chat.Tools)
	seen := map[string]bool{}
	for _, tool := range chat.Tools {
		name := names.Of(tool.Name)
		if seen[name] || name != again.Of(tool.Name) || (tool.Name == "good") != (name == "good") || tool.Name != "good" && back[name] != tool.Name {
			t.Errorf("%q is %q, and back %q", tool.Name, name, back[name])
		}
		seen[name] = true
	}
	if id := "call_1-a"; toolname.LegalID(id) != id || toolname.LegalID("a b") == "a b" || toolname.LegalID("") == "" {
		t.Error("ids")
	}
	for _, id := range []string{"abcDEF123", "call_1-a", "", "ab", strings.Repeat("x", 50)} {
		fixed := toolname.FixedID(id, 9)
		if len(fixed) != 9 || strings.ContainsAny(fixed, "_-") || (fixed == id) != (id == "abcDEF123") || fixed != toolname.FixedID(id, 9) {
			t.Errorf("%q is %q", id, fixed)
		}
	}
}
