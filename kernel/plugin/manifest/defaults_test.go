package manifest_test

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/plugin/manifest"
	"github.com/carapace-gateway/carapace/wit"
)

func TestFill(t *testing.T) {
	const flat = `{"type":"object","properties":{"a":{"default":1},"b":{"default":[{"c":2}]},"n":{"default":null},"no":{"type":"string"}}}`
	const nested = `{"properties":{"o":{"properties":{"a":{"default":1},"p":{"properties":{"b":{"default":true}}}}}}}`
	const whole = `{"properties":{"o":{"default":{"x":0},"properties":{"a":{"default":1}}}}}`
	for _, c := range []struct{ schema, value, want string }{
		{flat, ``, `{"a":1,"b":[{"c":2}],"n":null}`}, {flat, `{}`, `{"a":1,"b":[{"c":2}],"n":null}`},
		{flat, `{"a":null,"b":[],"n":0,"no":"x"}`, `{"a":null,"b":[],"n":0,"no":"x"}`},
		{flat, `[]`, `[]`}, {flat, `null`, `null`}, {flat, `7`, `7`}, {flat, `{`, `{`},
		{flat, `{"a":12345678901234567890.5,"b":1,"n":1,"other":{"z":"<&>"}}`, `{"a":12345678901234567890.5,"b":1,"n":1,"other":{"z":"\u003c\u0026\u003e"}}`},
		{nested, `{}`, `{}`}, {nested, `{"o":{}}`, `{"o":{"a":1}}`}, {nested, `{"o":{"p":{}}}`, `{"o":{"a":1,"p":{"b":true}}}`},
		{nested, `{"o":"no object"}`, `{"o":"no object"}`},
		{whole, `{}`, `{"o":{"a":1,"x":0}}`}, {whole, `{"o":{}}`, `{"o":{"a":1}}`},
		{`{"properties":{"a":{"x-secret":true,"default":"s"},"b":{"default":1}}}`, `{}`, `{"b":1}`},
		{`{"properties":{"a":{"type":"string"}}}`, `{ "a" : "as it is written" }`, `{ "a" : "as it is written" }`},
		{`{"properties":{"a":true,"b":{"$ref":"#/$defs/b"}},"$defs":{"b":{"default":1}},"allOf":[{"properties":{"c":{"default":1}}}],"default":{"d":1}}`, `{}`, `{}`},
		{`true`, ``, ``},
	} {
		s, err := manifest.NewSchema(wit.JSON(c.schema))
		if c.schema == `true` {
			s, err = nil, nil // as a plugin without a schema has it
		}
		if err != nil {
			t.Fatalf("%s: %v", c.schema, err)
		}
		for range 2 { // what is filled in once is not changed by it
			if got := s.Fill(wit.JSON(c.value)); string(got) != c.want {
				t.Errorf("%s of %s: %s, want %s", c.value, c.schema, got, c.want)
			}
		}
	}
}

// TestDefaultsThatDoNotFit are refused when a manifest is read, by the field's path, and those that fit are not.
func TestDefaultsThatDoNotFit(t *testing.T) {
	_, config, _ := strings.Cut(goodManifest, `"config":`)
	config, _, _ = strings.Cut(config, ",\n")
	for _, c := range []struct{ schema, want string }{
		{`{"properties":{"port":{"type":"integer","default":80}}}`, ""},
		{`{"properties":{"port":{"type":"integer","default":"80"}}}`, "config.properties.port.default: does not fit the field's own schema: got string, want integer"},
		{`{"properties":{"port":{"minimum":1,"default":0}}}`, "config.properties.port.default: does not fit the field's own schema: minimum: got 0, want 1"},
		{`{"properties":{"mode":{"enum":["a","b"],"default":"c"}}}`, "config.properties.mode.default: "},
		{`{"properties":{"o":{"properties":{"a":{"type":"string","default":null}}}}}`, "config.properties.o.properties.a.default: does not fit the field's own schema: got null, want string"},
		{`{"properties":{"o":{"required":["a"],"properties":{"a":{"type":"string"}},"default":{}}}}`, "config.properties.o.default: does not fit the field's own schema: missing property 'a'"},
		{`{"properties":{"o":{"properties":{"a":{"type":"string"}},"default":{"a":[1]}}}}`, "config.properties.o.default: does not fit the field's own schema: a: got array, want string"},
		{`{"properties":{"a":{"$ref":"#/$defs/t","default":"x"}},"$defs":{"t":{"type":"boolean"}}}`, "config.properties.a.default: "},
		{`{"properties":{"a":{"pattern":"^(a{40}){20}b$","default":"` + strings.Repeat("a", 20_000) + `"}}}`, "too much work"},
		{`{"properties":{"key":{"type":"string","x-secret":true,"default":7}}}`, ""},
		{`{"properties":{"a":{"default":1},"b":{"default":1}},"maxProperties":1}`, "config: does not accept its own defaults together: "},
		{`{"properties":{"a":{"default":1}},"dependentRequired":{"a":["b"]}}`, "config: does not accept its own defaults together: properties 'b' required"},
		{`{"properties":{"a":{"default":1},"b":{}},"required":["b"],"dependentRequired":{"a":["b"]}}`, ""},
	} {
		_, err := manifest.Decode([]byte(strings.Replace(goodManifest, config, c.schema, 1)), "1.4.0")
		if c.want == "" && err != nil || c.want != "" && (wit.CodeOf(err) != wit.CodeInvalid || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%.200s: %v, want %q", c.schema, err, c.want)
		}
	}
	// What a model leaves out of a tool's arguments is the tool's business: its schema may come from a server that nobody here wrote.
	tool := strings.Replace(goodManifest, `"parameters":{"type":"object"}`, `"parameters":{"type":"object","properties":{"n":{"type":"integer","default":"1"}}}`, 1)
	if _, err := manifest.Decode([]byte(tool), "1.4.0"); err != nil {
		t.Error(err)
	}
}
