// Package anthropic_test drives the test server of the Messages API with Anthropic's own client library for Node, as it is
// published. That for Go is beside the server.
package anthropic_test

import (
	"net/http/httptest"
	"os/exec"
	"testing"

	api "github.com/carapace-gateway/carapace/builtin-plugins/anthropic/anthropictest"
)

// TestNode: what the library for Node accepts, the plugin was tested against.
func TestNode(t *testing.T) {
	s := api.New("sk-test")
	s.Play(
		api.Answer{Blocks: []api.Block{
			api.Thinking("two sums"), api.Redacted("b2s="), api.Text("I count 😀."),
			api.Call("toolu_1", "calc", `{"expression":"1+1"}`), api.Call("toolu_2", "calc", `{"expression":"2+2"}`),
		}},
		api.Answer{Blocks: []api.Block{api.Text("2 and 4")}},
		api.Answer{Status: 429, Kind: "rate_limit_error", Message: "slow down"},
		api.Answer{Blocks: []api.Block{api.Text("I begin")}, After: 4, Kind: "overloaded_error", Message: "Overloaded"})
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	out, err := exec.CommandContext(t.Context(), "node", "client.mjs", web.URL, "sk-test").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
