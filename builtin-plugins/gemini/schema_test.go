package gemini_test

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/gemini/geminitest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestSchemas: what a tool says of its arguments reaches the API in words that it takes. Each is a property p.
func TestSchemas(t *testing.T) {
	for schema, want := range map[string]string{
		`{}`:                               `{"type":"STRING"}`,
		`true`:                             `{"type":"STRING"}`,
		`{"type":"null"}`:                  `{"type":"STRING","nullable":true}`,
		`{"type":["string","null"]}`:       `{"type":"STRING","nullable":true}`,
		`{"type":["integer","string"]}`:    `{"anyOf":[{"type":"INTEGER"},{"type":"STRING"}]}`,
		`{"type":"string","format":"uri"}`: `{"type":"STRING","description":"(uri)"}`,
		`{"type":"string","format":"date-time","minLength":2,"examples":["x"]}`: `{"type":"STRING","format":"date-time","minLength":2}`,
		`{"enum":["a","","b",null],"description":"which"}`:                      `{"type":"STRING","format":"enum","enum":["a","b"],"description":"which"}`,
		`{"const":"fixed"}`: `{"type":"STRING","format":"enum","enum":["fixed"]}`,
		`{"type":"integer","enum":[1,2],"description":"how many"}`:                     `{"type":"INTEGER","description":"how many (one of: 1, 2)"}`,
		`{"type":"integer","exclusiveMinimum":0,"exclusiveMaximum":10,"multipleOf":2}`: `{"type":"INTEGER","minimum":1,"maximum":9}`,
		`{"type":"number","exclusiveMinimum":0.5,"format":"double"}`:                   `{"type":"NUMBER","format":"double","minimum":0.5}`,
		`{"type":"number","minimum":1,"exclusiveMinimum":true}`:                        `{"type":"NUMBER","minimum":1}`,
		`{"type":"array"}`: `{"type":"ARRAY","items":{"type":"STRING"}}`,
		`{"type":"array","items":{"type":"boolean"},"uniqueItems":true,"maxItems":3}`:                  `{"type":"ARRAY","maxItems":3,"items":{"type":"BOOLEAN"}}`,
		`{"prefixItems":[{"type":"string"},{"type":"number"}]}`:                                        `{"type":"ARRAY","items":{"anyOf":[{"type":"STRING"},{"type":"NUMBER"}]}}`,
		`{"type":"object","additionalProperties":{"type":"string"}}`:                                   `{"type":"OBJECT"}`,
		`{"type":"object","properties":{"b":{"type":"string"},"a":{}},"required":["b","c"]}`:           `{"type":"OBJECT","properties":{"b":{"type":"STRING"},"a":{"type":"STRING"}},"required":["b"]}`,
		`{"type":"object","properties":{"a":{}},"anyOf":[{"required":["a"]}]}`:                         `{"type":"OBJECT","properties":{"a":{"type":"STRING"}}}`,
		`{"anyOf":[{"type":"integer"},{"type":"null"}],"description":"maybe","default":null}`:          `{"type":"INTEGER","description":"maybe","nullable":true}`,
		`{"oneOf":[{"type":"integer"},{"type":"string","format":"ipv4"}],"description":"one"}`:         `{"anyOf":[{"type":"INTEGER"},{"type":"STRING","description":"(ipv4)"}],"description":"one"}`,
		`{"allOf":[{"properties":{"a":{"type":"integer"}},"required":["a"]},{"properties":{"b":{}}}]}`: `{"type":"OBJECT","properties":{"a":{"type":"INTEGER"},"b":{"type":"STRING"}},"required":["a"]}`,
		`{"$ref":"#/$defs/Point","description":"where"}`:                                               `{"type":"OBJECT","properties":{"x":{"type":"NUMBER"}},"description":"where"}`,
		`{"$ref":"#/$defs/Tree"}`:          `{"type":"OBJECT","properties":{"leaves":{"type":"ARRAY","items":{"type":"OBJECT"}}}}`,
		`{"$ref":"#/$defs/Self"}`:          `{"type":"STRING"}`,
		`{"$ref":"https://example.org/x"}`: `{"type":"STRING"}`,
		`{"type":"object","patternProperties":{"x":{}},"not":{},"if":{},"readOnly":true,"$comment":"x","title":"t"}`: `{"type":"OBJECT"}`,
	} {
		parameters := `{"type":"object","properties":{"p":` + schema + `},"$defs":{"Point":{"type":"object","properties":{"x":{"type":"number"}}},` +
			`"Tree":{"type":"object","properties":{"leaves":{"type":"array","items":{"$ref":"#/$defs/Tree"}}}},"Self":{"$ref":"#/$defs/Self"}}}`
		checkSchema(t, parameters, `{"type":"OBJECT","properties":{"p":`+want+`}}`)
	}
}

// TestWholeSchemas: the arguments are an object with properties, or there are none.
func TestWholeSchemas(t *testing.T) {
	deep := strings.Repeat(`{"type":"object","properties":{"a":`, 100) + `{}` + strings.Repeat(`}}`, 100)
	for schema, want := range map[string]string{
		``: ``, `{}`: ``, `null`: ``, `{"type":"object"}`: ``, `{"type":"object","properties":{}}`: ``, `[`: ``,
		`{"anyOf":[{"properties":{"a":{}},"required":["a"]},{"properties":{"b":{}}}]}`: `{"type":"OBJECT","properties":{"a":{"type":"STRING"},"b":{"type":"STRING"}}}`,
		`{"$ref":"#/definitions/A","definitions":{"A":{"properties":{"a":{}}}}}`:       `{"type":"OBJECT","properties":{"a":{"type":"STRING"}}}`,
		deep: "any",
	} {
		checkSchema(t, schema, want)
	}
	// references that double with each step
	var defs strings.Builder
	for i := range 30 {
		n, next := string(rune('A'+i)), string(rune('A'+i+1))
		defs.WriteString(`"` + n + `":{"properties":{"a":{"$ref":"#/$defs/` + next + `"},"b":{"$ref":"#/$defs/` + next + `"}}},`)
	}
	checkSchema(t, `{"properties":{"p":{"$ref":"#/$defs/A"}},"$defs":{`+defs.String()+`"z":{}}}`, "any")
}

func checkSchema(t *testing.T, schema, want string) {
	t.Helper()
	chat := &wit.Chat{Model: "gemini-2.5-flash", Tools: []wit.ToolSpec{{Name: "f", Parameters: wit.JSON(schema)}}, Turns: []wit.ChatTurn{says(wit.RoleUser, "hi")}}
	asked, body := request(t, chat)
	for tool := range body.Get("tools").Items() {
		for f := range tool.Get("functionDeclarations").Items() {
			if got := string(f.Get("parameters").Raw()); got != want && want != "any" {
				t.Errorf("%s:\n%s\nwant\n%s", schema, got, want)
			}
		}
	}
	if len(asked.JSON) > 1<<20 {
		t.Errorf("%.100s: %d bytes", schema, len(asked.JSON))
	}
	if answer := ask(t, geminitest.New(geminitest.Says("ok")), chat); answer.Error != nil {
		t.Errorf("%.300s: %v", schema, answer.Error)
	}
}
