package system

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/wit"
)

// ConfigResult is the config file as clients may see it: raw is made from the settings without
// secrets, not from the file.
type ConfigResult struct {
	Path         string         `json:"path"`
	Exists       bool           `json:"exists"`
	Raw          string         `json:"raw"`
	Parsed       *config.Config `json:"parsed"`
	Valid        bool           `json:"valid"`
	Config       *config.Config `json:"config"`
	Hash         string         `json:"hash"`
	Issues       []string       `json:"issues"`
	Warnings     []string       `json:"warnings"`
	LegacyIssues []string       `json:"legacyIssues"`
}

func (s *Service) getConfig(context.Context, rpc.None) (ConfigResult, error) {
	shown := s.settings.File().Redacted()
	raw, err := json.MarshalIndent(shown, "", "  ")
	if err != nil {
		return ConfigResult{}, wit.Errorf(wit.CodeInternal, "show the settings: %w", err)
	}
	sum := sha256.Sum256(raw)
	return ConfigResult{
		Path: s.configPath, Exists: !bytes.Equal(raw, []byte("{}")), Raw: string(raw), Parsed: shown, Valid: true, Config: shown,
		Hash: hex.EncodeToString(sum[:]), Issues: []string{}, Warnings: []string{}, LegacyIssues: []string{},
	}, nil
}

// ConfigureResult names what was configured.
type ConfigureResult struct {
	OK      bool   `json:"ok"`
	ID      string `json:"id"`
	Account string `json:"account,omitempty"`
}

// configure keeps credentials first, so that settings never come into force without them.
func (s *Service) configure(ctx context.Context, p Setup) (ConfigureResult, error) {
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

func (s *Service) configurePlugin(ctx context.Context, p Setup) error {
	now := s.settings.SetUpPlugin(p.ID)
	if p.Enabled != nil {
		now.Enabled = p.Enabled
	}
	if p.Config != nil {
		now.Config = p.Config
	}
	return s.settings.SetPlugin(ctx, p.ID, now)
}

func (s *Service) configureAccount(ctx context.Context, p Setup) error {
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
func (s *Service) keepSecret(ctx context.Context, id, account, name, value string) error {
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
