package chat

import (
	"cmp"
	"context"

	"github.com/carapace-gateway/carapace/kernel/service/agent"
	"github.com/carapace-gateway/carapace/kernel/service/agent/cooldown"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

// Metadata is what a page of a conversation offers beside what was said in it.
type Metadata struct {
	Commands []Command `json:"commands"`
	// SwarmEnabled is false: no agent here has others work for it in a conversation.
	SwarmEnabled bool `json:"swarmEnabled"`
}

// MetadataParams names a conversation or an agent. All of them have the same commands.
type MetadataParams struct {
	AgentID    string `json:"agentId,omitempty" rpc:"min=1"`
	SessionKey string `json:"sessionKey,omitempty" rpc:"min=1,max=512"`
}

func (s *Service) metadata(_ context.Context, p MetadataParams) (Metadata, error) {
	_, err := s.sessions.Settings().Find(p.SessionKey, p.AgentID)
	return Metadata{Commands: commands(true)}, err
}

// StartupParams ask for a page of a conversation that is named by its key or, as in the address of a
// page, by ShortID.
type StartupParams struct {
	SessionKey string `json:"sessionKey,omitempty" rpc:"min=1"`
	// ShortID is the id in a key that sessions.create has made, without dashes, or 8 or more characters of its beginning.
	ShortID string `json:"shortId,omitempty" rpc:"min=1,max=64"`
	// SlugHint is accepted and changes nothing.
	SlugHint string `json:"slugHint,omitempty" rpc:"min=1"`

	PageParams
}

// Resolution says which conversation a ShortID means.
type Resolution struct {
	// OK is false where it means none, or several.
	OK      bool        `json:"ok"`
	Key     session.Key `json:"key,omitempty"`
	AgentID string      `json:"agentId,omitempty"`
}

// StartupMissing answers a ShortID that means no conversation.
type StartupMissing struct {
	Resolution Resolution `json:"resolution"`
}

// startup is history with what a page needs beside it, so that a conversation opens in one round trip.
func (s *Service) startup(ctx context.Context, p StartupParams) (any, error) {
	var resolved *Resolution
	if p.ShortID != "" && p.SessionKey == "" {
		key, err := s.sessions.Short(ctx, p.ShortID, p.AgentID)
		if wit.CodeOf(err) == wit.CodeNotFound {
			return StartupMissing{}, nil
		}
		if err != nil {
			return nil, err
		}
		p.SessionKey, resolved = string(key), &Resolution{true, key, key.Agent()}
	}
	if p.SessionKey == "" {
		return nil, wit.NewError(wit.CodeInvalid, "invalid chat.startup params: must have required property 'sessionKey'")
	}
	res, err := s.history(ctx, HistoryParams{p.SessionKey, p.PageParams})
	if page, ok := res.(History); ok && err == nil {
		page.Metadata, page.Resolution = &Metadata{Commands: commands(true)}, resolved
		return page, nil
	}
	return res, err
}

// CommandsListParams asks for the commands of a conversation or an agent: all have the same ones.
type CommandsListParams struct {
	AgentID    string `json:"agentId,omitempty" rpc:"min=1"`
	SessionKey string `json:"sessionKey,omitempty" rpc:"min=1,max=512"`
	// Scope native selects what a platform shows in a menu of its own: none of these.
	Scope string `json:"scope,omitempty" rpc:"enum=text|native|both"`
	// IncludeArgs says what may follow a command; true when left out.
	IncludeArgs *bool `json:"includeArgs"`
	// Provider is accepted and selects nothing away.
	Provider string `json:"provider,omitempty" rpc:"min=1"`
}

// CommandsListResult is the answer of commands.list.
type CommandsListResult struct {
	Commands []Command `json:"commands"`
}

// Command is a text that the gateway answers itself.
type Command struct {
	Name string `json:"name"`
	// TextAliases are the texts that give it, the first of which is the usual one.
	TextAliases []string `json:"textAliases"`
	Description string   `json:"description"`
	// Category is session, options or status.
	Category string `json:"category"`
	// Source is native: the gateway's own.
	Source string `json:"source"`
	// Scope is text: it is typed.
	Scope       string       `json:"scope"`
	AcceptsArgs bool         `json:"acceptsArgs"`
	Args        []CommandArg `json:"args,omitempty"`
}

// CommandArg is what may follow a command.
type CommandArg struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Type        string          `json:"type"`
	Choices     []CommandChoice `json:"choices,omitempty"`
}

// CommandChoice is one of the texts that may follow.
type CommandChoice struct {
	Value string `json:"value"`
	Label string `json:"label"`
}

func (s *Service) listCommands(_ context.Context, p CommandsListParams) (CommandsListResult, error) {
	res := CommandsListResult{Commands: []Command{}}
	if _, err := s.sessions.Settings().Find(p.SessionKey, p.AgentID); err != nil || p.Scope == "native" {
		return res, err
	}
	res.Commands = commands(p.IncludeArgs == nil || *p.IncludeArgs)
	return res, nil
}

// commands are the agent's as clients see them.
func commands(args bool) []Command {
	var list []Command
	for _, c := range agent.Commands() {
		one := Command{
			Name: c.Name, TextAliases: []string{"/" + c.Name}, Description: c.Help, Category: c.Category,
			Source: "native", Scope: "text", AcceptsArgs: c.Argument != "",
		}
		if args && c.Argument != "" {
			arg := CommandArg{Name: c.Argument, Description: c.Help, Type: "string"}
			for _, choice := range c.Choices {
				arg.Choices = append(arg.Choices, CommandChoice{choice, choice})
			}
			one.Args = []CommandArg{arg}
		}
		list = append(list, one)
	}
	return list
}

// AuthStatusParams asks which providers have what they need; Refresh asks the providers themselves.
type AuthStatusParams struct {
	AgentID string `json:"agentId,omitempty" rpc:"min=1"`
	Refresh bool   `json:"refresh,omitempty"`
}

// AuthStatusResult is the answer of models.authStatus.
type AuthStatusResult struct {
	// Ts is in Unix milliseconds.
	Ts        int64          `json:"ts"`
	Providers []ProviderAuth `json:"providers"`
	// ProviderCapabilities are all providers that there are, with how a page can set them up.
	ProviderCapabilities []ProviderCapability `json:"providerCapabilities"`
}

// ProviderCapability says how a provider is set up.
type ProviderCapability struct {
	Provider string `json:"provider"`
	// APIKeySupported says that models.authSetApiKey is all that it needs, and QuickAPIKeySetup the same.
	APIKeySupported  bool `json:"apiKeySupported"`
	QuickAPIKeySetup bool `json:"quickApiKeySetup"`
}

// ProviderAuth says whether a configured provider has what it needs.
type ProviderAuth struct {
	Provider    string `json:"provider"`
	DisplayName string `json:"displayName"`
	// Status is static for a provider that has a key, ok for one that needs none, missing for one that has refused its
	// key.
	Status string `json:"status"`
	// Profiles are the keys that it has; one that has none has none.
	Profiles []ProviderProfile `json:"profiles"`
	// Pauses are which of its models are not asked for a while, by all keys or by one.
	Pauses []ModelPause `json:"pauses,omitempty"`
}

// ProviderProfile is a key of a provider.
type ProviderProfile struct {
	// ProfileID is the provider and the name of the key, such as home:default.
	ProfileID string `json:"profileId"`
	// Type is api_key.
	Type string `json:"type"`
	// Status is static, or missing where it was refused and is not tried for a while.
	Status string `json:"status"`
	// Until is when it is tried again, in Unix milliseconds, and Reason why it is not before.
	Until  int64  `json:"until,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// ModelPause is a model that is not asked for a while.
type ModelPause struct {
	Model string `json:"model"`
	// Key is the one that is not used; "" is all of them.
	Key string `json:"key,omitempty"`
	// Until is when it is asked again, in Unix milliseconds, and Reason why it is not before.
	Until    int64  `json:"until"`
	Reason   string `json:"reason"`
	Failures int    `json:"failures"`
}

// authStatus tells of the configured providers. Without Refresh nothing is asked of a network.
func (s *Service) authStatus(ctx context.Context, p AuthStatusParams) (AuthStatusResult, error) {
	res := AuthStatusResult{Ts: now(), Providers: []ProviderAuth{}, ProviderCapabilities: []ProviderCapability{}}
	if _, err := s.sessions.Settings().Agent(p.AgentID); err != nil {
		return res, err
	}
	for _, info := range s.models.Configured() {
		res.Providers = append(res.Providers, s.auth(info))
	}
	for _, info := range s.models.Providers() {
		key := s.takesKey(info.ID)
		res.ProviderCapabilities = append(res.ProviderCapabilities, ProviderCapability{info.ID, key, key})
	}
	if !p.Refresh {
		return res, nil
	}
	list, err := s.listModels(ctx, ModelsListParams{Refresh: true})
	for i, outcome := range list.ProviderOutcomes {
		if outcome.Status == "auth-rejected" && i < len(res.Providers) && res.Providers[i].Provider == outcome.Provider {
			res.Providers[i].Status = "missing"
		}
	}
	return res, err
}

// auth is what a provider has, and what of it is not used for a while.
func (s *Service) auth(info agent.ProviderInfo) ProviderAuth {
	a := ProviderAuth{Provider: info.ID, DisplayName: info.ID, Status: keyStatus(info), Profiles: []ProviderProfile{}}
	if info.Credentials > 0 {
		for _, key := range s.models.Keys(info.ID) {
			a.Profiles = append(a.Profiles, ProviderProfile{ProfileID: info.ID + ":" + key, Type: "api_key", Status: "static"})
		}
	}
	for _, p := range s.models.Pauses(info.ID) {
		name := cmp.Or(p.Key, agent.DefaultKey)
		if p.Model != "" {
			if p.Key == cooldown.AnyKey {
				name = ""
			}
			a.Pauses = append(a.Pauses, ModelPause{Model: p.Model, Key: name, Until: p.Until, Reason: p.Why, Failures: p.Failures})
			continue
		}
		for i := range a.Profiles {
			if a.Profiles[i].ProfileID == info.ID+":"+name {
				a.Profiles[i].Status, a.Profiles[i].Until, a.Profiles[i].Reason = "missing", p.Until, p.Why
			}
		}
	}
	return a
}

func keyStatus(info agent.ProviderInfo) string {
	if info.Credentials > 0 {
		return "static"
	}
	return "ok"
}
