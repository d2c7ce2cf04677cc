package docs_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/plugin/manifest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestProofs: each recipe of the page stands in a manifest that is taken, the request is one, and what there is is named.
func TestProofs(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("proofs.md")
	if err != nil {
		t.Fatal(err)
	}
	text, shown := string(b), map[string]string{}
	for _, m := range fence.FindAllStringSubmatch(text, -1) {
		shown[m[1]] = m[2]
	}
	if len(shown) != 3 || 2*len(shown) != strings.Count("\n"+text, "\n```") {
		t.Fatalf("the page has blocks of %d kinds", len(shown))
	}
	var recipes map[string]json.RawMessage
	if err := json.Unmarshal([]byte(shown["json webhooks"]), &recipes); err != nil || len(recipes) < 12 {
		t.Fatalf("%d recipes, %v", len(recipes), err)
	}
	const most = `{"id":"p","name":"P","version":"1.0.0","description":"P.","abi":1,"entry":"plugin.wasm",
		"provides":{"channel":{"label":"P"WEBHOOK}},"permissions":{"http":{"reason":"r","hosts":["www.googleapis.com","login.example.org","login.botframework.com","config:root"]},
		"credential":{"reason":"r","names":["access","app","service","tenant","secret","refresh","privateKey"]}},
		"config":{"type":"object","properties":{"project":{"type":"string"},"clientId":{"type":"string"},"root":{"type":"string"}}}OAUTH2}`
	taken := func(name, webhook, oauth2 string) {
		t.Helper()
		if _, err := manifest.Decode([]byte(strings.NewReplacer("WEBHOOK", webhook, "OAUTH2", oauth2).Replace(most)), "1.0.0"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, recipe := range recipes {
		taken(name, `,"webhook":`+string(recipe), "")
	}
	taken("oauth2", "", `,"oauth2":`+shown["json oauth"])
	request := &wit.HTTPRequest{}
	if err := wit.UnmarshalStrict([]byte(shown["json request"]), request); err != nil || request.Validate() != nil || request.SigV4 == nil {
		t.Errorf("%v, %v", err, request.Validate())
	}
	schema, err := os.ReadFile("../wit/plugin.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var names struct {
		Defs map[string]struct{ Enum []string } `json:"$defs"`
	}
	if err := json.Unmarshal(schema, &names); err != nil {
		t.Fatal(err)
	}
	ways := names.Defs["WebhookAuth"].Enum
	grants := names.Defs["OAuth2Grant"].Enum
	if len(ways) < 9 || len(grants) < 3 {
		t.Errorf("%q, %q", ways, grants)
	}
	for _, way := range ways {
		if !strings.Contains(text, "`"+way+"`") {
			t.Errorf("the page does not name auth %s", way)
		}
	}
	for _, grant := range grants {
		if !strings.Contains(text, `"`+grant+`"`) {
			t.Errorf("the page does not show the grant %s", grant)
		}
	}
}
