package manifest_test

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/plugin/manifest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestMisread: what cannot be read is found at its line and column, and what was meant is guessed.
func TestMisread(t *testing.T) {
	const good = "{\n  \"id\": \"dice\",\n  \"name\": \"Dice\",\n  \"provides\": {\"tools\": [{\n    \"name\": \"roll\",\n    \"effects\": [\"reads\"]\n  }]},\n  \"abi\": 1\n}\n"
	change := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	for name, c := range map[string]struct{ text, want string }{
		"no comma":         {change("\"dice\",", "\"dice\""), "plugin.json:3:3: id: expected a comma or the end"},
		"a comma too many": {change("\"abi\": 1\n", "\"abi\": 1,\n"), "plugin.json:9:1: "},
		"a comment":        {change("  \"name\"", "  // é says what\n  \"name\""), "plugin.json:3:3: id: JSON has no comments"},
		"a list":           {"[]", "plugin.json:1:1: expected an object"},
		"cut off":          {good[:30], "plugin.json:3:13: name: the text ends"},
		"empty":            {" \n", "plugin.json is empty"},
		"a mark":           {"\ufeff" + good, "plugin.json begins with a byte order mark: save it as UTF-8 without one"},
		"UTF-16":           {"\xff\xfe{\x00}\x00", "plugin.json is UTF-16: save it as UTF-8"},
		"CRLF":             {strings.ReplaceAll(change("\"abi\": 1", "\"abi\": true"), "\n", "\r\n"), "plugin.json:8:10: abi: expected a number"},
		"a field":          {change("\"abi\"", "\"permisions\": {}, \"abi\""), "plugin.json:8:3: permisions: unknown field (did you mean permissions?)"},
		"a field inside":   {change("\"tools\"", "\"tool\""), "plugin.json:4:16: provides.tool: unknown field (did you mean tools?)"},
		"a field of no likeness": {change("\"effects\"", "\"cost\""),
			"plugin.json:6:5: provides.tools[0].cost: unknown field: there are name, description, parameters, effects"},
		"a word":               {change("\"reads\"", "\"read\""), "plugin.json:6:17: provides.tools[0].effects[0]: \"read\" is none of reads, writes, spends, sends, executes"},
		"a field in no record": {change("\"abi\"", "\"config\": {\"x\": 1}, \"limits\": {\"x\": {\"y\": 2}}, \"abi\""), "plugin.json:8:34: limits.x: unknown field: there are memory, "},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := manifest.Decode([]byte(c.text), "1.0.0")
			if wit.CodeOf(err) != wit.CodeInvalid || !strings.HasPrefix(err.Error(), c.want) && !strings.HasPrefix(wit.AsError(err).Message, c.want) {
				t.Errorf("%v, want %s", err, c.want)
			}
		})
	}
}
