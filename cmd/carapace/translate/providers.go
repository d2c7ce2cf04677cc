package translate

import (
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/service/system"
)

// provider is where models come from, as far as the other settings say it.
type provider struct {
	place   string
	id      string // the other gateway's name
	baseURL string
	api     string
	key     string
	secret  string // the credential's name here
	fields  []string
}

// plugin is who speaks to the provider here, "" for nobody. What is not known by its name speaks as it says.
func (p provider) plugin() (plugin string, preset string) {
	switch p.id {
	case "openai", "anthropic", "ollama":
		return p.id, ""
	case "google", "gemini":
		return "gemini", ""
	case "openrouter", "groq", "mistral", "deepseek", "xai", "moonshot", "zai", "together":
		return "openai", p.id
	}
	switch {
	case strings.HasPrefix(p.api, "openai"), p.api == "" && p.baseURL != "":
		return "openai", ""
	case p.api == "anthropic-messages":
		return "anthropic", ""
	case p.api == "google-generative-ai":
		return "gemini", ""
	}
	return "", ""
}

// readProviders translates who offers models. A plugin speaks to one provider here: that of the model that answers by default is
// taken before others.
func (t *translation) readProviders(models, agents section) {
	all := t.declared(models.section("providers"))
	t.keys(all)
	t.variables(all)
	if len(models) > 0 {
		t.left("models: nothing here is like %s", models.names())
	}
	var primary struct {
		Defaults struct{ Model any }
	}
	raw, _ := json.Marshal(agents)
	_ = json.Unmarshal(raw, &primary)
	first, model, _ := strings.Cut(primaryOf(primary.Defaults.Model), "/")
	order := slices.Sorted(maps.Keys(all))
	slices.SortStableFunc(order, func(a, b string) int {
		return map[bool]int{true: -1}[a == first] - map[bool]int{true: -1}[b == first]
	})
	taken := map[string]string{}
	for _, id := range order {
		p := all[id]
		plugin, preset := p.plugin()
		switch {
		case plugin == "":
			t.left("%s: no plugin of this gateway speaks to %s", p.place, id)
		case taken[plugin] != "":
			t.left("%s: the plugin %s is taken for %s already; carapace setup %s changes it", p.place, plugin, taken[plugin], plugin)
		case p.key == "" && p.baseURL == "":
			// why was said
		default:
			taken[plugin], t.providers[id] = id, plugin
			if id != first {
				model = ""
			}
			t.plan.Setups = append(t.plan.Setups, p.setup(plugin, preset, model))
		}
	}
}

// primaryOf is the first of a chain of models, which may be a text.
func primaryOf(model any) string {
	switch m := model.(type) {
	case string:
		return m
	case map[string]any:
		text, _ := m["primary"].(string)
		return text
	}
	return ""
}

// setup is the provider as a plugin's settings.
func (p *provider) setup(plugin, preset, model string) Setup {
	on := true
	out := Setup{Place: p.place, Fields: p.fields, Setup: system.Setup{ID: plugin, Enabled: &on, Secrets: map[string]string{}}}
	config := map[string]any{}
	switch {
	case preset != "" && p.baseURL == "":
		config["preset"] = preset
	case p.baseURL != "":
		config["baseUrl"] = p.baseURL
	}
	if plugin == "openai" && strings.HasPrefix(p.api, "openai-responses") {
		config["api"] = "responses"
	}
	if model != "" {
		config["model"] = model
	}
	if p.key != "" {
		out.Secrets[p.secret] = p.key
	}
	out.Config, _ = json.Marshal(config) // texts alone
	return out
}

// declared are the providers that the settings describe.
func (t *translation) declared(section section) map[string]*provider {
	all := map[string]*provider{}
	for _, id := range slices.Sorted(maps.Keys(section)) {
		s := section.section(id)
		p := &provider{place: "models.providers." + id, id: id, baseURL: s.text("baseUrl"), api: s.text("api"), secret: "api_key"}
		if p.baseURL != "" {
			p.fields = append(p.fields, "baseUrl")
		}
		if raw, ok := s["apiKey"]; ok {
			delete(s, "apiKey")
			var err error
			if p.key, err = t.resolve(raw); err != nil {
				t.left("%s.apiKey: %s; carapace setup asks for it", p.place, err)
			} else {
				p.fields = append(p.fields, "apiKey")
			}
		}
		delete(s, "models") // a provider is asked for its own
		if len(s) > 0 {
			t.left("%s: nothing here is like %s", p.place, s.names())
		}
		all[id] = p
	}
	return all
}

// keys adds those that were given by the other gateway's own sign-in, which each of its agents has for itself: the main one's
// first.
func (t *translation) keys(all map[string]*provider) {
	agents := []string{"main"}
	entries, _ := os.ReadDir(filepath.Join(t.folder, "agents")) // where there is none, nobody has signed in
	for _, e := range entries {
		if e.Name() != "main" {
			agents = append(agents, e.Name())
		}
	}
	for _, id := range agents {
		kept, err := readObject(filepath.Join(t.folder, "agents", id, "agent", "auth-profiles.json"))
		switch {
		case err == nil:
			t.signIns(all, "agents."+id, kept.section("profiles"))
		case !errors.Is(err, fs.ErrNotExist):
			t.left("agents.%s: %v", id, err)
		}
	}
}

// signIns adds the keys of an agent's sign-ins.
func (t *translation) signIns(all map[string]*provider, agent string, profiles section) {
	for _, name := range slices.Sorted(maps.Keys(profiles)) {
		s := profiles.section(name)
		id, kind, place := s.text("provider"), s.text("type"), agent+"."+name
		var raw json.RawMessage
		secret := "api_key"
		switch kind {
		case "api_key":
			raw = s["key"]
			if raw == nil {
				raw = s["keyRef"]
			}
		case "token":
			raw = s["token"]
			if raw == nil {
				raw = s["tokenRef"]
			}
			if id == "anthropic" {
				secret = "auth_token"
			}
		}
		if raw == nil {
			t.left("%s: a sign-in of the kind %s has no like here; an API key does: carapace setup", place, kind)
			continue
		}
		key, err := t.resolve(raw)
		if err != nil {
			t.left("%s: %s; carapace setup asks for it", place, err)
			continue
		}
		t.key(all, id, place, secret, key, kind)
	}
}

// variables adds the keys that the other gateway has from its environment, as far as its own files name it.
func (t *translation) variables(all map[string]*provider) {
	for _, known := range [][2]string{
		{"ANTHROPIC_API_KEY", "anthropic"}, {"OPENAI_API_KEY", "openai"}, {"GEMINI_API_KEY", "google"}, {"OPENROUTER_API_KEY", "openrouter"},
		{"GROQ_API_KEY", "groq"}, {"MISTRAL_API_KEY", "mistral"}, {"DEEPSEEK_API_KEY", "deepseek"}, {"XAI_API_KEY", "xai"},
	} {
		if value := t.env[known[0]]; value != "" {
			t.key(all, known[1], "env."+known[0], "api_key", value, known[0])
		}
	}
}

// key gives a provider its key, if it has none yet.
func (t *translation) key(all map[string]*provider, id, place, secret, key, field string) {
	p := all[id]
	if p == nil {
		p = &provider{place: place, id: id}
		all[id] = p
	}
	if p.key != "" {
		if p.key != key {
			t.left("%s: %s has a key already", place, id)
		}
		return
	}
	p.key, p.secret, p.fields = key, secret, append(p.fields, field)
}
