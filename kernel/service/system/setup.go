package system

import (
	"context"
	"slices"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/wit"
)

// Setup is what the owner says of a plugin. What is left out stays as it is.
type Setup struct {
	ID string `json:"id" rpc:"required,min=1,max=64"`
	// Account is which account of a channel is meant; empty is the plugin as a whole.
	Account string `json:"account,omitempty"`
	Enabled *bool  `json:"enabled,omitempty"`
	// Config is checked against the plugin's schema; see plugins.info.
	Config wit.JSON `json:"config,omitempty"`
	Access *Access  `json:"access,omitempty"`
	// Secrets are credentials by the names that plugins.info gives. They are encrypted and never shown.
	Secrets map[string]string `json:"secrets,omitempty"`
}

// Access is who may talk to an account of a channel.
type Access struct {
	// DMPolicy is pairing (the default), allowlist, open or disabled.
	DMPolicy  string   `json:"dmPolicy,omitempty"`
	AllowFrom []string `json:"allowFrom,omitempty"`
	// GroupPolicy is allowlist (the default), open or disabled.
	GroupPolicy string   `json:"groupPolicy,omitempty"`
	Groups      []string `json:"groups,omitempty"`
	// RequireMention in groups is true when left out.
	RequireMention *bool `json:"requireMention,omitempty"`
}

// ConfigureResult names what was configured.
type ConfigureResult struct {
	OK      bool   `json:"ok"`
	ID      string `json:"id"`
	Account string `json:"account,omitempty"`
}

// setup keeps what the owner says of a plugin.
type setup struct {
	settings *config.Settings
	plugins  Plugins
	accounts Accounts
	vault    Vault
}

// configure keeps credentials first, so that settings never come into force without them.
func (s *setup) configure(ctx context.Context, p Setup) (ConfigureResult, error) {
	if p.Enabled == nil && p.Config == nil && p.Access == nil && len(p.Secrets) == 0 {
		return ConfigureResult{}, wit.NewError(wit.CodeInvalid, "nothing to configure: give enabled, config, access or secrets")
	}
	if !slices.ContainsFunc(s.plugins.List(), func(known Plugin) bool { return known.ID == p.ID }) {
		return ConfigureResult{}, wit.Errorf(wit.CodeNotFound, "there is no plugin %s: install it first, or correct the name", p.ID)
	}
	if p.Config != nil {
		if err := s.plugins.CheckConfig(p.ID, p.Account, p.Config); err != nil {
			return ConfigureResult{}, err
		}
	}
	for name, value := range p.Secrets {
		if err := s.keepSecret(ctx, p.ID, p.Account, name, value); err != nil {
			return ConfigureResult{}, err
		}
	}
	var err error
	if p.Account != "" {
		err = s.configureAccount(ctx, p)
	} else {
		err = s.configurePlugin(ctx, p)
	}
	return ConfigureResult{OK: err == nil, ID: p.ID, Account: p.Account}, err
}

func (s *setup) configurePlugin(ctx context.Context, p Setup) error {
	now := s.settings.SetUpPlugin(p.ID)
	if p.Enabled != nil {
		now.Enabled = p.Enabled
	}
	if p.Config != nil {
		now.Config = p.Config
	}
	return s.settings.SetPlugin(ctx, p.ID, now)
}

func (s *setup) configureAccount(ctx context.Context, p Setup) error {
	now := s.settings.SetUpAccount(p.ID, p.Account)
	if p.Enabled != nil {
		now.Enabled = p.Enabled
	}
	if p.Config != nil {
		now.Config = p.Config
	}
	if a := p.Access; a != nil {
		now.DMPolicy, now.AllowFrom, now.GroupPolicy, now.Groups, now.RequireMention = a.DMPolicy, a.AllowFrom, a.GroupPolicy, a.Groups, a.RequireMention
	}
	return s.settings.SetAccount(ctx, p.ID, p.Account, now)
}

// keepSecret keeps a credential that the plugin's manifest names, and makes an account use it.
func (s *setup) keepSecret(ctx context.Context, id, account, name, value string) error {
	names, err := s.plugins.Secrets(id)
	if err != nil {
		return err
	}
	if !slices.Contains(names, name) {
		return wit.Errorf(wit.CodeInvalid, "plugin %s has no credential %s; it has %v", id, name, names)
	}
	if err := s.vault.Put(ctx, id, account, name, value); err != nil {
		return err
	}
	if account != "" {
		s.accounts.Restart(id, account)
	}
	return nil
}
