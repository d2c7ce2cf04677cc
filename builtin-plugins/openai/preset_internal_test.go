package openai

import (
	"encoding/json"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestPresetsInTheManifest: each preset can be chosen, and its host may be asked.
func TestPresetsInTheManifest(t *testing.T) {
	data, err := os.ReadFile("plugin.json")
	if err != nil {
		t.Fatal(err)
	}
	var m struct {
		Permissions struct{ HTTP struct{ Hosts []string } }
		Config      struct {
			Properties struct{ Preset struct{ Enum []string } }
		}
	}
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var ids, hosts []string
	for _, p := range presets {
		ids = append(ids, p.id)
		if !strings.Contains(string(readme), "| `"+p.id+"` | "+p.name+" |") {
			t.Errorf("the README does not say what %s is", p.id)
		}
		if (p.baseURL == "") == (p.usual == "") || p.name == "" {
			t.Errorf("%s: where is it?", p.id)
		}
		if at, err := url.Parse(p.baseURL); err != nil {
			t.Error(err)
		} else if at.Host != "" {
			hosts = append(hosts, at.Host)
		}
	}
	if got := m.Config.Properties.Preset.Enum; !slices.Equal(got, ids) {
		t.Errorf("the schema has %q, the table %q", got, ids)
	}
	want := append(append([]string{"api.openai.com"}, hosts...), "config:baseUrl")
	if got := m.Permissions.HTTP.Hosts; !slices.Equal(got, want) {
		t.Errorf("the permission is for %q, want %q", got, want)
	}
}
