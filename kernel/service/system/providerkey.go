package system

import (
	"context"
	"slices"

	"github.com/carapace-gateway/carapace/wit"
)

// ProviderKey is the key of a provider of models.
type ProviderKey struct {
	Provider string `json:"provider" rpc:"required,min=1,max=64"`
	APIKey   string `json:"apiKey" rpc:"required,min=1,max=8192"`
	AgentID  string `json:"agentId,omitempty" rpc:"min=1,max=64"`
}

// ProviderKeySet names the key that is kept now.
type ProviderKeySet struct {
	Provider string `json:"provider"`
	// ProfileID is the provider and the name of the key, as in models.authStatus.
	ProfileID string `json:"profileId"`
}

// ProviderLogout says which keys of a provider go: all when ProfileIDs is left out. All agents share a provider's keys.
type ProviderLogout struct {
	Provider       string   `json:"provider" rpc:"required,min=1,max=64"`
	ProfileIDs     []string `json:"profileIds,omitempty" rpc:"min=1,max=64"`
	CredentialType string   `json:"credentialType,omitempty" rpc:"enum=api_key"`
	AgentID        string   `json:"agentId,omitempty" rpc:"min=1,max=64"`
}

// ProviderLoggedOut names the keys that are gone. Answers under way end by themselves.
type ProviderLoggedOut struct {
	Provider        string   `json:"provider"`
	RemovedProfiles []string `json:"removedProfiles"`
	AbortedRunIDs   []string `json:"abortedRunIds"`
}

const (
	// defaultKey is how a key without a name is called.
	defaultKey = "default"
	// usualKey is how plugins call the credential with which alone their provider can be asked.
	usualKey = "api_key"
)

// TakesKey reports whether a provider of models needs a key and nothing else.
func (s *Service) TakesKey(provider string) bool {
	_, err := s.setup.keyOf(provider)
	return err == nil
}

// keyOf returns the name of the credential with which alone a provider of models can be asked. Errors: CodeNotFound for no provider;
// CodeInvalid for one that has none, several, or needs settings too.
func (s *setup) keyOf(provider string) (name string, err error) {
	if !slices.ContainsFunc(s.plugins.List(), func(p Plugin) bool { return p.ID == provider && p.Provider }) {
		return "", wit.Errorf(wit.CodeNotFound, "there is no provider of models %s", provider)
	}
	names, err := s.plugins.Secrets(provider)
	if err != nil {
		return "", err
	}
	i := slices.Index(names, usualKey)
	if len(names) == 1 {
		i = 0
	}
	if i < 0 || s.plugins.CheckConfig(provider, "", wit.JSON("{}")) != nil {
		return "", wit.Errorf(wit.CodeInvalid, "%s is not set up by a key alone: `carapace setup %s` asks for what it needs", provider, provider)
	}
	return names[i], nil
}

// setProviderKey keeps a key once the provider has listed its models with it. Errors: keyOf's and configure's.
func (s *setup) setProviderKey(ctx context.Context, p ProviderKey) (ProviderKeySet, error) {
	if _, err := s.agent(p.AgentID); err != nil {
		return ProviderKeySet{}, err
	}
	name, err := s.keyOf(p.Provider)
	if err != nil {
		return ProviderKeySet{}, err
	}
	on := true
	_, err = s.configure(ctx, Setup{ID: p.Provider, Enabled: &on, Test: true, Secrets: map[string]string{name: p.APIKey}})
	return ProviderKeySet{p.Provider, p.Provider + ":" + defaultKey}, err
}

// logoutProvider takes keys back. Errors: CodeNotFound for a key that there is not; revoke's.
func (s *setup) logoutProvider(ctx context.Context, p ProviderLogout) (ProviderLoggedOut, error) {
	out := ProviderLoggedOut{Provider: p.Provider, RemovedProfiles: []string{}, AbortedRunIDs: []string{}}
	if _, err := s.agent(p.AgentID); err != nil {
		return out, err
	}
	accounts := map[string]string{} // by the names of their keys
	for _, c := range s.vault.Kept() {
		if c.Plugin == p.Provider {
			accounts[profileOf(c)] = c.Account
		}
	}
	wanted := p.ProfileIDs
	if wanted == nil {
		for id := range accounts {
			wanted = append(wanted, id)
		}
		slices.Sort(wanted)
	}
	for _, id := range wanted {
		if _, ok := accounts[id]; !ok {
			return out, wit.Errorf(wit.CodeNotFound, "%s has no key %.100s", p.Provider, id)
		}
	}
	for _, id := range wanted {
		if _, err := s.revoke(ctx, Revoke{ID: p.Provider, Account: accounts[id]}); err != nil {
			return out, err
		}
		out.RemovedProfiles = append(out.RemovedProfiles, id)
	}
	return out, nil
}

// profileOf is how models.authStatus calls the key of a credential.
func profileOf(c Credential) string {
	if c.Account == "" {
		return c.Plugin + ":" + defaultKey
	}
	return c.Plugin + ":" + c.Account
}
