package agent

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/wit"
)

// Settings is the owner's part. The zero value works.
type Settings struct {
	// Agents are who answers; without any there is one, main.
	Agents []Agent
	// Model is provider/model, the default of all agents. Empty takes the first provider that is
	// configured. Fallbacks are asked in its place, in order, when it cannot answer.
	Model     string
	Fallbacks []string
	Thinking  string
	// Places say who answers in a channel, or on an account of it, whatever the agent says.
	Places map[Place]Chain
	// Aliases are names, in lower case, that stand for provider/model.
	Aliases map[string]string
	// Facts are what the owner says of models, by provider/model: it wins over what their providers say.
	Facts map[string]ModelFacts
	// System replaces the built-in beginning of the system prompt.
	System string
	// Transcriber is the plugin that transcribes recordings; empty takes the first that is configured.
	Transcriber string
	// Zone is the machine's when nil.
	Zone *time.Location
	// ContextTokens is assumed of models that do not say; 128,000 when 0.
	ContextTokens uint32
	// MaxTokens bounds one answer; 0 leaves it to the provider.
	MaxTokens uint32
}

// Agent is an identity that answers.
type Agent struct {
	ID, Name string
	// Alias is how clients show it, Name when empty.
	Alias, Theme, Emoji, Avatar string
	// Model, System and Thinking win over the settings'. A model of its own has the agent's Fallbacks and no others; without
	// one they stand for the settings', unless they are nil.
	Model, System, Thinking string
	Fallbacks               []string
	// Tools are those that it may use.
	Tools ToolPolicy
}

// Place is a channel, or with an account that account of it.
type Place struct{ Channel, Account string }

// Chain is who answers: a model, and those that are asked in its place, in order.
type Chain struct {
	Model     string
	Fallbacks []string
}

// ModelFacts is what is said of a model; what is left out is not known.
type ModelFacts struct {
	Alias         string
	Context       uint32 // tokens
	Images, Tools *bool
}

// chain returns the names of who may answer, in order and at least one; the first is empty where nobody is named. A model
// that somebody has chosen is not replaced by another one, which might cost more or send the conversation to
// somebody else.
func (s Settings) chain(w wanted) []string {
	if w.name != "" {
		return []string{w.name}
	}
	for _, at := range []Place{{w.channel, w.account}, {w.channel, ""}} {
		if c, ok := s.Places[at]; ok && c.Model != "" {
			return append([]string{c.Model}, c.Fallbacks...)
		}
	}
	a := s.Agent(w.agent)
	switch {
	case a.Model != "":
		return append([]string{a.Model}, a.Fallbacks...)
	case a.Fallbacks != nil:
		return append([]string{s.Model}, a.Fallbacks...)
	}
	return append([]string{s.Model}, s.Fallbacks...)
}

// full is the name that an alias stands for, or the name itself.
func (s Settings) full(name string) string { return cmp.Or(s.Aliases[strings.ToLower(name)], name) }

// Bounds that no setting changes.
const (
	defaultContext = 128_000
	maxRounds      = 25
	maxText        = run.MaxText
)

// Agent returns the agent with this id, or one that has nothing but its id, and no tools where there are others.
func (s Settings) Agent(id string) Agent {
	i := slices.IndexFunc(s.Agents, func(a Agent) bool { return a.ID == id })
	switch {
	case i >= 0:
		return s.Agents[i]
	case len(s.Agents) > 0:
		return Agent{ID: id, Tools: ToolPolicy{Allow: []string{}}}
	}
	return Agent{ID: id}
}

// gone is why an agent does not answer that there is not, any more: CodeNotFound.
func (s Settings) gone(id string) error {
	if len(s.Agents) == 0 || slices.ContainsFunc(s.Agents, func(a Agent) bool { return a.ID == id }) {
		return nil
	}
	return wit.Errorf(wit.CodeNotFound, "there is no agent %.64q any more: what it said stays readable, and another one answers what is written from now on", id)
}

// ThinkingOf is how long an agent's model thinks where a session says nothing.
func (s Settings) ThinkingOf(agent string) string { return cmp.Or(s.Agent(agent).Thinking, s.Thinking) }

func (s Settings) zone() *time.Location {
	return cmp.Or(s.Zone, time.Local)
}
