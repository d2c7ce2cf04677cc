package config

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// ModelChain is who answers: a model, and those that are asked in its place, in order, when it cannot answer. Each is
// provider/model or an alias. A file may also have a text alone, which is the first.
type ModelChain struct {
	// Primary is asked first.
	Primary string `json:"primary,omitempty"`
	// Fallbacks are asked in its place when it is rate-limited, out of quota, down or too small; none when left out.
	Fallbacks []string `json:"fallbacks,omitzero"`
}

// UnmarshalJSON implements json.Unmarshaler.
func (m *ModelChain) UnmarshalJSON(b []byte) error {
	type plain ModelChain
	if json.Unmarshal(b, &m.Primary) == nil {
		m.Fallbacks = nil
		return nil
	}
	return json.Unmarshal(b, (*plain)(m))
}

// MarshalJSON implements json.Marshaler: a chain of one is a text.
func (m ModelChain) MarshalJSON() ([]byte, error) {
	type plain ModelChain
	if m.Fallbacks == nil {
		return json.Marshal(m.Primary)
	}
	return json.Marshal(plain(m))
}

// names lists all of the chain by the fields in which they stand.
func (m ModelChain) names() map[string]string {
	list := map[string]string{}
	if m.Primary != "" {
		list["primary"] = m.Primary
	}
	for i, name := range m.Fallbacks {
		list["fallbacks."+strconv.Itoa(i)] = name
	}
	return list
}

// AgentDefaults are what holds for all agents of which nothing else is said.
type AgentDefaults struct {
	// Model is who answers, with those that are asked in its place; it stands instead of agent.model.
	Model ModelChain `json:"model,omitzero"`
	// Models are what the owner says of models, by provider/model.
	Models map[string]ModelFacts `json:"models,omitempty"`
	// ThinkingDefault is how long models think where neither an agent nor a session says anything.
	ThinkingDefault string `json:"thinkingDefault,omitempty"`
	// Workspace is accepted and means nothing: what an agent knows is in the store.
	Workspace string `json:"workspace,omitempty"`
}

// ModelFacts is what the owner says of a model. It wins over what the model's provider says.
type ModelFacts struct {
	// Alias is a short name, which stands for the model wherever one is named.
	Alias string `json:"alias,omitempty"`
	// ContextWindow is how many tokens the model reads.
	ContextWindow int `json:"contextWindow,omitempty"`
	// Images and Tools say whether it can see pictures and call tools.
	Images *bool `json:"images,omitempty"`
	Tools  *bool `json:"tools,omitempty"`
}

// Bounds of what a file may say of models.
const (
	maxFallbacks = 16
	maxModels    = 1024
	maxAlias     = 64
	maxModel     = 200
)

// Aliases are the names that stand for models, by themselves in lower case.
func (c *Config) Aliases() map[string]string {
	list := map[string]string{}
	for name, m := range c.Agents.Defaults.Models {
		if m.Alias != "" {
			list[strings.ToLower(m.Alias)] = name
		}
	}
	return list
}

// checkModels names the first value of the models that cannot be.
func (c *Config) checkModels() *fieldError {
	d := c.Agents.Defaults
	if len(d.Models) > maxModels {
		return wrong("agents.defaults.models", "there may be %d", maxModels)
	}
	taken := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(d.Models)) {
		if wrong := d.Models[name].check([]string{"agents", "defaults", "models", name}, name, taken); wrong != nil {
			return wrong
		}
	}
	if c.Agent.Model != "" && d.Model.Primary != "" {
		return wrong("agents.defaults.model", "stands beside agent.model: give one of them")
	}
	if wrong := oneOf([]string{"agents", "defaults", "thinkingDefault"}, d.ThinkingDefault); wrong != nil {
		return wrong
	}
	if wrong := c.named([]string{"agent", "model"}, c.Agent.Model); wrong != nil {
		return wrong
	}
	if wrong := c.named([]string{"heartbeat", "model"}, c.Heartbeat.Model); wrong != nil {
		return wrong
	}
	if wrong := c.checkChain([]string{"agents", "defaults", "model"}, d.Model); wrong != nil {
		return wrong
	}
	for i, a := range c.Agents.List {
		at := []string{"agents", "list", strconv.Itoa(i)}
		if wrong := c.checkChain(append(at, "model"), a.Model); wrong != nil {
			return wrong
		}
		if a.Heartbeat != nil {
			if wrong := c.named(append(at, "heartbeat", "model"), a.Heartbeat.Model); wrong != nil {
				return wrong
			}
		}
	}
	return c.checkChannelModels()
}

func (c *Config) checkChannelModels() *fieldError {
	for id, channel := range c.Channels {
		if wrong := c.checkChain([]string{"channels", id, "model"}, channel.Model); wrong != nil {
			return wrong
		}
		for name, a := range channel.Accounts {
			if wrong := c.checkChain([]string{"channels", id, "accounts", name, "model"}, a.Model); wrong != nil {
				return wrong
			}
		}
	}
	return nil
}

// check looks at what is said of the model with this name. taken are the aliases so far, and whose they are.
func (m ModelFacts) check(at []string, name string, taken map[string]string) *fieldError {
	alias := strings.ToLower(m.Alias)
	switch {
	case !strings.Contains(name, "/") || len(name) > maxModel:
		return &fieldError{at, "a model is named provider/model"}
	case m.ContextWindow < 0:
		return &fieldError{append(at, "contextWindow"), "is not below 0"}
	case alias == "":
		return nil
	case len(alias) > maxAlias || strings.ContainsAny(alias, "/ \t\n"):
		return &fieldError{append(at, "alias"), strconv.Quote(m.Alias) + " is no alias: it has up to 64 characters, without slashes and blanks"}
	case alias == "default":
		return &fieldError{append(at, "alias"), "default is a word of its own: take another alias"}
	case taken[alias] != "":
		return &fieldError{append(at, "alias"), strconv.Quote(m.Alias) + " is the alias of " + taken[alias] + " already"}
	}
	taken[alias] = name
	return nil
}

// checkChain looks at a chain of models, which stands at a path.
func (c *Config) checkChain(at []string, m ModelChain) *fieldError {
	if len(m.Fallbacks) > maxFallbacks {
		return &fieldError{append(at, "fallbacks"), "may have " + strconv.Itoa(maxFallbacks) + " models"}
	}
	names := m.names()
	for _, field := range slices.Sorted(maps.Keys(names)) {
		path := append(at[:len(at):len(at)], strings.Split(field, ".")...)
		if m.Fallbacks == nil {
			path = at // a text
		}
		if wrong := c.named(path, names[field]); wrong != nil {
			return wrong
		}
	}
	return nil
}

// named looks at the name of a model: provider/model, or an alias. None is fine.
func (c *Config) named(at []string, name string) *fieldError {
	if name == "" || strings.Contains(name, "/") {
		return nil
	}
	if _, ok := c.Aliases()[strings.ToLower(name)]; ok {
		return nil
	}
	return &fieldError{at, strconv.Quote(name) + " must be provider/model, or an alias of agents.defaults.models"}
}
