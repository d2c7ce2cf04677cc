package agent

import (
	"cmp"
	"slices"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/run"
)

// Settings is the owner's part. The zero value works.
type Settings struct {
	// Agents are who answers; without any there is one, main.
	Agents []Agent
	// Model is provider/model, the default of all agents. Empty takes the first provider that is
	// configured.
	Model    string
	Thinking string
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
	ID, Name, Theme, Emoji, Avatar string
	// Model and System win over the settings'.
	Model, System string
}

// Bounds that no setting changes.
const (
	defaultContext = 128_000
	maxRounds      = 25
	maxText        = run.MaxText
)

// Agent returns the agent with this id, or one that has nothing but its id.
func (s Settings) Agent(id string) Agent {
	i := slices.IndexFunc(s.Agents, func(a Agent) bool { return a.ID == id })
	if i < 0 {
		return Agent{ID: id}
	}
	return s.Agents[i]
}

func (s Settings) zone() *time.Location {
	return cmp.Or(s.Zone, time.Local)
}
