package webchat_test

import (
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/webchat/webchattest"
)

// fences are the blocks of a page that have a name behind their language.
var fences = regexp.MustCompile("(?s)```\\w+ (\\w+)\n(.*?)```")

// readme is what README.md shows.
func readme(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := map[string]string{}
	for _, m := range fences.FindAllStringSubmatch(string(text), -1) {
		blocks[m[1]] = m[2]
	}
	return blocks
}

// asTheReadmeSays configures the account that README.md shows, and loads the script that it puts into a site.
func asTheReadmeSays(t *testing.T, g *gateway, _ *webchattest.Visitor) {
	shown := readme(t)
	var settings struct {
		Channels map[string]struct {
			Accounts map[string]struct {
				DMPolicy string
				Config   map[string]any
			}
		}
	}
	if err := json.Unmarshal([]byte(shown["settings"]), &settings); err != nil {
		t.Fatal(err)
	}
	for name, account := range settings.Channels["webchat"].Accounts {
		g.MustCall("plugins.configure", map[string]any{"id": "webchat", "account": name, "config": account.Config, "access": map[string]any{"dmPolicy": account.DMPolicy}}, nil)
		g.Event("channels.changed", func(b json.RawMessage) bool {
			return strings.Contains(string(b), `"`+name+`"`) && strings.Contains(string(b), `"connected"`)
		})
		bob := g.visitor(name)
		if got := g.say(bob, "m1", "hello"); got.From != "assistant" {
			t.Errorf("%+v", got)
		}
		res, _ := get(t, g.crowd.Page(name))
		if origin := account.Config["allowedOrigins"].([]any)[0].(string); !strings.HasSuffix(res.Header.Get("Content-Security-Policy"), " "+origin) {
			t.Errorf("who may frame it: %v", res.Header)
		}
	}
	src := regexp.MustCompile(`src="https://YOUR-NAME(/[^"]+)"`).FindStringSubmatch(shown["embed"])
	if src == nil {
		t.Fatalf("the page shows %q", shown["embed"])
	}
	res, _ := get(t, strings.TrimSuffix(g.crowd.Page("default"), "/chat/default/")+src[1])
	if res.StatusCode != http.StatusOK || res.Header.Get("Cross-Origin-Resource-Policy") != "cross-origin" {
		t.Errorf("%s: %d %v", src[1], res.StatusCode, res.Header)
	}
}
