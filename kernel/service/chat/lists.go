package chat

import (
	"cmp"
	"context"
	"sync"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service/agent"
	"github.com/carapace-gateway/carapace/wit"
)

// AgentsListResult is the answer of agents.list.
type AgentsListResult struct {
	DefaultID string `json:"defaultId"`
	MainKey   string `json:"mainKey"`
	// Scope is per-sender: each sender may have a conversation.
	Scope  string         `json:"scope"`
	Agents []AgentSummary `json:"agents"`
}

// AgentSummary is an agent of agents.list.
type AgentSummary struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
	// Identity is there if anything of it is configured.
	Identity *AgentIdentity `json:"identity,omitempty"`
	// Model is left out where nothing can answer.
	Model *AgentModel `json:"model,omitempty"`
	// ThinkingDefault is how long the model thinks where a session says nothing; left out where nothing is said.
	ThinkingDefault string `json:"thinkingDefault,omitempty"`
}

// AgentModel is what answers for an agent where a session makes no choice.
type AgentModel struct {
	// Primary is provider/model, and Fallbacks are asked in its place, in order.
	Primary   string   `json:"primary"`
	Fallbacks []string `json:"fallbacks,omitempty"`
}

// AgentIdentity is how an agent shows itself.
type AgentIdentity struct {
	Name   string `json:"name,omitempty"`
	Theme  string `json:"theme,omitempty"`
	Emoji  string `json:"emoji,omitempty"`
	Avatar string `json:"avatar,omitempty"`
}

func (s *Service) listAgents(context.Context, rpc.None) (AgentsListResult, error) {
	main := s.sessions.Settings().Main("")
	res := AgentsListResult{DefaultID: main.Agent(), MainKey: main.Rest(), Scope: "per-sender"}
	for _, a := range s.settings().Agents {
		sum := AgentSummary{ID: a.ID, Name: a.Name, Model: s.primary(a.ID), ThinkingDefault: a.Thinking}
		if name := cmp.Or(a.Alias, a.Name); name+a.Theme+a.Emoji+a.Avatar != "" {
			sum.Identity = &AgentIdentity{name, a.Theme, a.Emoji, a.Avatar}
		}
		res.Agents = append(res.Agents, sum)
	}
	if len(res.Agents) == 0 {
		res.Agents = []AgentSummary{{ID: res.DefaultID, Model: s.primary(res.DefaultID)}}
	}
	return res, nil
}

// primary is the model of an agent, nil where nothing can answer.
func (s *Service) primary(agent string) *AgentModel {
	name := s.models.Primary(agent)
	if name == "" {
		return nil
	}
	return &AgentModel{name, s.models.Fallbacks(agent)}
}

// IdentityParams names an agent, or a session whose agent is meant; neither is the default one.
type IdentityParams struct {
	AgentID    string `json:"agentId,omitempty" rpc:"min=1"`
	SessionKey string `json:"sessionKey"`
}

// IdentityResult is the answer of agent.identity.get.
type IdentityResult struct {
	AgentID string `json:"agentId"`
	Name    string `json:"name"`
	// Avatar is the first letter of the name unless one is configured.
	Avatar string `json:"avatar"`
	Emoji  string `json:"emoji,omitempty"`
}

func (s *Service) identity(_ context.Context, p IdentityParams) (IdentityResult, error) {
	key, err := s.sessions.Settings().Find(p.SessionKey, p.AgentID)
	if err != nil {
		return IdentityResult{}, err
	}
	a := s.settings().Agent(key.Agent())
	res := IdentityResult{AgentID: a.ID, Name: cmp.Or(a.Alias, a.Name), Avatar: a.Avatar, Emoji: a.Emoji}
	if res.Name == "" {
		res.Name = "Assistant"
	}
	if res.Avatar == "" {
		res.Avatar = string([]rune(res.Name)[:1])
	}
	return res, nil
}

// ModelsListParams asks for the models; Refresh asks the providers again instead of remembering, which PreparedOnly
// rules out. All agents and sessions have the same ones.
type ModelsListParams struct {
	AgentID    string `json:"agentId,omitempty" rpc:"min=1"`
	SessionKey string `json:"sessionKey,omitempty" rpc:"min=1,max=512"`
	Refresh    bool   `json:"refresh"`
	// PreparedOnly forbids to ask the providers.
	PreparedOnly bool `json:"preparedOnly"`
	// Those below are accepted and change nothing.
	IncludeProviderCapabilities bool   `json:"includeProviderCapabilities"`
	IncludeDetails              bool   `json:"includeDetails"`
	IncludeDefaultModels        bool   `json:"includeDefaultModels"`
	View                        string `json:"view,omitempty" rpc:"enum=default|configured|provider-config|all"`
}

// ModelsListResult is the answer of models.list.
type ModelsListResult struct {
	Models           []ModelChoice     `json:"models"`
	ProviderOutcomes []ProviderOutcome `json:"providerOutcomes"`
}

// ModelChoice is a model as models.list shows it.
type ModelChoice struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Provider string `json:"provider"`
	// Alias is a short name that the owner has given it.
	Alias string `json:"alias,omitempty"`
	// Available is false if its provider could not list it now, or it is not to be asked for a while: UnavailableReason is
	// auth-failed or cooldown then, and UnavailableUntil when that ends, in Unix milliseconds.
	Available         bool   `json:"available"`
	UnavailableReason string `json:"unavailableReason,omitempty"`
	UnavailableUntil  int64  `json:"unavailableUntil,omitempty"`
	// Cost is what a million tokens cost, in US dollars, left out where no price is known.
	Cost *ModelCost `json:"cost,omitempty"`
	// ContextWindow is how many tokens it reads, 0 where that is not known.
	ContextWindow uint32   `json:"contextWindow,omitempty"`
	Reasoning     bool     `json:"reasoning,omitempty"`
	SupportsTools bool     `json:"supportsTools,omitempty"`
	Input         []string `json:"input"`
}

// ModelCost is what a million tokens cost, in US dollars.
type ModelCost struct {
	Input      float64 `json:"input"`
	Output     float64 `json:"output"`
	CacheRead  float64 `json:"cacheRead"`
	CacheWrite float64 `json:"cacheWrite"`
}

// ProviderOutcome says whether a provider could list its models.
type ProviderOutcome struct {
	Provider string `json:"provider"`
	// Status is ready, auth-rejected or unavailable.
	Status string `json:"status"`
}

// listModels asks the configured providers at the same time. One that fails is told of, and its
// default model is listed as not available.
func (s *Service) listModels(ctx context.Context, p ModelsListParams) (ModelsListResult, error) {
	res := ModelsListResult{Models: []ModelChoice{}, ProviderOutcomes: []ProviderOutcome{}}
	if _, err := s.sessions.Settings().Find(p.SessionKey, p.AgentID); err != nil {
		return res, err
	}
	if p.Refresh && p.PreparedOnly {
		return res, wit.NewError(wit.CodeInvalid, "invalid models.list params: refresh and preparedOnly exclude each other")
	}
	infos := s.models.Configured()
	found := make([][]ModelChoice, len(infos))
	outcomes := make([]ProviderOutcome, len(infos))
	var wg sync.WaitGroup
	for i, info := range infos {
		wg.Go(func() {
			models, err := s.models.List(ctx, info.ID, p.Refresh)
			found[i], outcomes[i] = s.choices(info, models, err), ProviderOutcome{info.ID, status(err)}
		})
	}
	wg.Wait()
	for i := range infos {
		res.Models = append(res.Models, found[i]...)
	}
	res.ProviderOutcomes = append(res.ProviderOutcomes, outcomes...)
	return res, nil
}

// status is the word for how a provider answered.
func status(err error) string {
	switch wit.CodeOf(err) {
	case "":
		return "ready"
	case wit.CodeUnauthorized, wit.CodeForbidden:
		return "auth-rejected"
	}
	return "unavailable"
}

// choices are a provider's models, with those of its that the owner has said something of, or that answer by default.
func (s *Service) choices(info agent.ProviderInfo, models []wit.Model, err error) []ModelChoice {
	var out []ModelChoice
	for _, m := range s.models.Known(info, models) {
		c := ModelChoice{ID: m.ID, Name: cmp.Or(m.Name, m.ID), Provider: info.ID, Alias: m.Alias, Available: err == nil, ContextWindow: m.ContextWindow,
			Reasoning: m.Reasoning, SupportsTools: m.Tools, Input: []string{"text"}, Cost: s.price(info.ID, m.ID)}
		if m.Images {
			c.Input = append(c.Input, "image")
		}
		if pause, rests := s.models.Resting(info.ID, m.ID); rests {
			c.Available, c.UnavailableReason, c.UnavailableUntil = false, "cooldown", pause.Until
			if pause.Code == wit.CodeUnauthorized {
				c.UnavailableReason = "auth-failed"
			}
		}
		out = append(out, c)
	}
	return out
}

// price is what a model costs, nil where nobody has said.
func (s *Service) price(provider, model string) *ModelCost {
	if s.prices == nil {
		return nil
	}
	return s.prices(provider, model)
}
