package manifest_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel/plugin/manifest"
	"github.com/carapace-gateway/carapace/wit"
)

// doubling is a schema that is twice as much work with each level.
func doubling(levels int, keyword string) string {
	var b strings.Builder
	b.WriteString(`{"$ref":"#/$defs/a0","$defs":{`)
	for n := range levels {
		fmt.Fprintf(&b, `"a%d":{%q:[{"$ref":"#/$defs/a%d"},{"$ref":"#/$defs/a%d"}]},`, n, keyword, n+1, n+1)
	}
	fmt.Fprintf(&b, `"a%d":{"type":"object"}}}`, levels)
	return b.String()
}

// TestSchemasThatAreRefused has each bound, and what is just within it.
func TestSchemasThatAreRefused(t *testing.T) {
	nested := func(n int) string { return strings.Repeat(`{"not":`, n) + `{}` + strings.Repeat(`}`, n) }
	references := func(n int) string {
		return `{"allOf":[` + strings.Repeat(`{"$ref":"#/$defs/a"},`, n) + `{}],"$defs":{"a":{}}}`
	}
	pattern := func(text string) string { return fmt.Sprintf(`{"pattern":%q}`, text) }
	for _, c := range []struct{ schema, want string }{
		{doubling(10, "allOf"), ""}, {doubling(18, "allOf"), "parts when its references"},
		{doubling(18, "anyOf"), "parts when its references"}, {doubling(18, "oneOf"), "parts when its references"},
		{nested(60), ""}, {nested(100), "deeper than"}, {nested(5000), "deeper than"},
		{references(900), ""}, {references(1500), "references"},
		{pattern("^[a-z0-9_-]{1,64}$"), ""}, {pattern(strings.Repeat("a", 1001)), "not a JSON Schema"},
		{pattern("((a{100}){100}){100}"), "not a JSON Schema"}, {pattern("(a{60}){99}"), "not a JSON Schema"},
		{`{"$ref":"#"}`, ""}, {`{"properties":{"x":{"$ref":"#"}},"items":{"$ref":"#"}}`, ""},
	} {
		_, err := manifest.NewSchema(wit.JSON(c.schema))
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%.80s: %v, want %q", c.schema, err, c.want)
		}
	}
}

// TestAManifestWithASchemaBomb is refused when it is read, in either place where it may have one.
func TestAManifestWithASchemaBomb(t *testing.T) {
	bomb := doubling(18, "allOf")
	_, config, _ := strings.Cut(goodManifest, `"config":`)
	config, _, _ = strings.Cut(config, ",\n")
	for old, path := range map[string]string{`"parameters":{"type":"object"}`: "provides.tools[0].parameters", `"config":` + config: "config"} {
		text := strings.Replace(goodManifest, old, old[:strings.Index(old, ":")+1]+bomb, 1)
		if _, err := manifest.Decode([]byte(text), "1.4.0"); wit.CodeOf(err) != wit.CodeInvalid || !strings.Contains(err.Error(), path+": has more than") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// recursive is small, refers to itself twice for one field, and is 2^depth work for a value of that depth.
const recursive = `{"properties":{"x":{"allOf":[{"$ref":"#"},{"$ref":"#"}]}}}`

func deepValue(depth int) wit.JSON {
	return wit.JSON(strings.Repeat(`{"x":`, depth) + `1` + strings.Repeat(`}`, depth))
}

// TestACheckIsBoundedWork has what no bound on the schema's size sees.
func TestACheckIsBoundedWork(t *testing.T) {
	long := wit.JSON(`"` + strings.Repeat("a", 1<<20) + `"`)
	for name, c := range map[string]struct {
		schema string
		value  wit.JSON
	}{
		"draft 2020":     {recursive, deepValue(40)},
		"draft 2019":     {`{"$schema":"https://json-schema.org/draft/2019-09/schema",` + recursive[1:], deepValue(40)},
		"draft 7":        {`{"$schema":"http://json-schema.org/draft-07/schema#",` + recursive[1:], deepValue(40)},
		"draft 4":        {`{"$schema":"http://json-schema.org/draft-04/schema#",` + recursive[1:], deepValue(40)},
		"pattern":        {`{"pattern":"^(a{40}){20}b$"}`, long},
		"patterns":       {`{"allOf":[` + strings.Repeat(`{"pattern":"(a|b|c|d){50}x"},`, 200) + `{}]}`, long},
		"property names": {`{"patternProperties":{"^(a?){200}b$":{}}}`, wit.JSON(`{` + strings.Repeat(`"`+strings.Repeat("a", 2000)+`":1,`, 1) + `"` + strings.Repeat("a", 1<<20) + `":1}`)},
	} {
		s, err := manifest.NewSchema(wit.JSON(c.schema))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := s.Check(t.Context(), c.value); err == nil || !strings.Contains(err.Error(), "too much work") {
			t.Errorf("%s: %v", name, err)
		}
		if err := s.Check(t.Context(), wit.JSON(`{"x":{"x":{}}}`)); err != nil {
			t.Errorf("%s, a small value afterwards: %v", name, err)
		}
	}
}

// TestACheckEndsWithItsCaller gives up before it has begun.
func TestACheckEndsWithItsCaller(t *testing.T) {
	s, err := manifest.NewSchema(wit.JSON(recursive))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Check(ctx, deepValue(40)); err == nil || !strings.Contains(err.Error(), "not checked in time") {
		t.Errorf("err = %v", err)
	}
}

// FuzzSchema makes schemas and checks a value with each: both end soon, whatever they say.
func FuzzSchema(f *testing.F) {
	f.Add([]byte(recursive), []byte(deepValue(30)))
	f.Add([]byte(doubling(16, "anyOf")), []byte(`{}`))
	f.Add([]byte(`{"$anchor":"a","properties":{"x":{"anyOf":[{"$ref":"#a"},{"$dynamicRef":"#a"}]}}}`), []byte(deepValue(30)))
	f.Add([]byte(`{"unevaluatedProperties":{"$ref":"#"},"anyOf":[{"$ref":"#/x"}],"x":{"pattern":"a*"}}`), []byte(`{"y":"aaa"}`))
	f.Add([]byte(`{"properties":{"a":{"default":{"b":1},"properties":{"b":{"default":2},"c":{"default":{}}}},"d":{"$ref":"#"}}}`), []byte(`{"d":{},"a":{}}`))
	f.Fuzz(func(t *testing.T, schema, value []byte) {
		if len(schema) > wit.ManifestConfigMax || len(value) > 64<<10 {
			return
		}
		start := time.Now()
		if s, err := manifest.NewSchema(schema); err == nil {
			if filled := s.Fill(value); s.Check(t.Context(), value) == nil && !json.Valid(filled) && len(filled) > 0 {
				t.Errorf("%s is filled with its defaults to %s", value, filled)
			}
		}
		if took := time.Since(start); took > time.Minute {
			t.Fatalf("took %v", took)
		}
	})
}

// TestRefusedAlike: a schema of which several things are too large is refused in the same words each time.
func TestRefusedAlike(t *testing.T) {
	text := doubling(40, "allOf")
	var first string
	for range 1000 { // one in sixty differed
		_, err := manifest.NewSchema([]byte(text))
		if err == nil {
			t.Fatal("it is taken")
		}
		if first = cmp.Or(first, err.Error()); err.Error() != first {
			t.Fatalf("%q and %q", first, err)
		}
	}
}
