package docs_test

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/wit"
)

// curl is a request as the page shows it.
var curl = regexp.MustCompile(`(?s)^curl http://127\.0\.0\.1:18789(/\S+) -H "Authorization: Bearer (\$\w+)" -d '(.*)'\n$`)

// TestHTTP makes each request that the page shows, and compares the answer where the page shows it.
func TestHTTP(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("http.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]string{}
	for _, m := range fence.FindAllStringSubmatch(string(text), -1) {
		shown[m[1]] = m[2]
	}
	settings := shown["json settings"]
	control := strings.SplitN(shown["http control"], "\n", 4)
	var hooks struct{ Hooks struct{ Token string } }
	if err := json.Unmarshal([]byte(settings), &hooks); err != nil {
		t.Fatal(err)
	}
	repeat := kerneltest.Tool("repeat", func(_ context.Context, c *wit.ToolInvocation) (*wit.ToolOutput, error) {
		var in struct{ Text string }
		err := json.Unmarshal(c.Args, &in)
		return &wit.ToolOutput{Content: []wit.Part{{Kind: wit.PartKindText, Text: &in.Text}}}, err
	})
	k := kerneltest.Start(t, kerneltest.Config(t, settings), kerneltest.Plugin(kerneltest.Echo("echo"), repeat))
	tokens := map[string]string{"$TOKEN": kerneltest.Token, "$HOOKS": hooks.Hooks.Token}
	if len(control) != 4 || !strings.HasPrefix(control[0], "PATCH /control/") {
		t.Fatalf("the page shows %q", control)
	}
	if status := patched(t, k, strings.TrimPrefix(control[0], "PATCH "), control[3]); status != http.StatusConflict { // it is of another text
		t.Errorf("the change of the settings that the page shows: %d", status)
	}
	made := 0
	for name, block := range shown {
		what, isCall := strings.CutPrefix(name, "sh ")
		if !isCall {
			continue
		}
		made++
		m := curl.FindStringSubmatch(block)
		if m == nil {
			t.Errorf("nothing makes this request:\n%s", block)
			continue
		}
		got := called(t, k, m[1], tokens[m[2]], m[3])
		if want := shown["json "+what]; want != "" && !reflect.DeepEqual(plainJSON(t, got), plainJSON(t, want)) {
			t.Errorf("%s is answered with\n%s", what, got)
		}
	}
	if made != 7 || len(shown) != 15 {
		t.Errorf("the page shows %d requests in %d blocks", made, len(shown))
	}
}

// patched makes a change by /control and returns the status.
func patched(t *testing.T, k *kerneltest.Kernel, path, body string) int {
	t.Helper()
	res, _ := k.Exchange("PATCH", path, strings.NewReader(body), "Content-Type", "application/json")
	return res.StatusCode
}

// called makes a request that has to succeed, unless it is the page's wrong one, and returns the answer.
func called(t *testing.T, k *kerneltest.Kernel, path, token, body string) string {
	t.Helper()
	res, text := k.Exchange("POST", path, strings.NewReader(body), "Authorization", "Bearer "+token, "Content-Type", "application/x-www-form-urlencoded") // as curl does
	if res.StatusCode >= 300 && res.StatusCode != 400 {
		t.Fatalf("%s: %d %s", path, res.StatusCode, text)
	}
	return text
}

var ids = regexp.MustCompile(`(chatcmpl-|hook:)(…|[0-9a-f]{32})`)

// plainJSON is a JSON text without what differs each time.
func plainJSON(t *testing.T, text string) any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(ids.ReplaceAllString(text, "$1")), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if _, has := v["created"]; has {
		v["created"] = 0.0
	}
	return v
}
