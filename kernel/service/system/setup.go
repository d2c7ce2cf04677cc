package system

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/wit"
)

// Setup is what the owner says of a plugin. What is left out stays as it is.
type Setup struct {
	ID string `json:"id" rpc:"required,min=1,max=64"`
	// Account is which account of a channel is meant; empty is the plugin as a whole. A provider of models has no accounts with
	// settings: credentials under the name of one are another key of it.
	Account string `json:"account,omitempty"`
	Enabled *bool  `json:"enabled,omitempty"`
	// Config is laid over the plugin's section field by field; null takes a field away. The whole is checked
	// against the plugin's schema; see plugins.info.
	Config wit.JSON `json:"config,omitempty"`
	// Access is laid over the account's field by field.
	Access *Access `json:"access,omitempty"`
	// Test tries whether the plugin works with what it is given. If it does not, nothing is kept, and the error says why.
	Test bool `json:"test,omitempty"`
	// Secrets are credentials by the names that plugins.info gives. They are encrypted and never shown.
	Secrets map[string]string `json:"secrets,omitempty"`
}

// Access is who may talk to an account of a channel.
type Access struct {
	// DMPolicy is pairing (the default), allowlist, open or disabled.
	DMPolicy  string   `json:"dmPolicy,omitempty"`
	AllowFrom []string `json:"allowFrom,omitzero"`
	// GroupPolicy is allowlist (the default), open or disabled.
	GroupPolicy string   `json:"groupPolicy,omitempty"`
	Groups      []string `json:"groups,omitzero"`
	// RequireMention in groups is true when left out.
	RequireMention *bool `json:"requireMention,omitempty"`
}

// ConfigureResult names what was configured.
type ConfigureResult struct {
	OK      bool   `json:"ok"`
	ID      string `json:"id"`
	Account string `json:"account,omitempty"`
	// Tested says that it works: a provider has listed its models, an account is connected, a silence was transcribed, a
	// word was said.
	Tested bool `json:"tested,omitempty"`
	// Login says that all that a tested account wants is its owner: channels.status has the code to scan, or the address to open.
	Login bool `json:"login,omitempty"`
	// Models are those that a tested provider lists, at most 100.
	Models []string `json:"models,omitempty"`
}

// setup keeps what the owner says of a plugin.
type setup struct {
	settings     *config.Settings
	plugins      Plugins
	providers    Providers
	transcribers Transcribers
	speakers     Speakers
	accounts     Accounts
	vault        Vault
	// agent returns the id of an agent, the default one's for none. Errors: CodeInvalid; CodeNotFound.
	agent func(id string) (string, error)
}

// configure writes what the owner says of a plugin into the config file. It keeps credentials first, so that settings
// never come into force without them, and none before all else is known to be right.
func (s *setup) configure(ctx context.Context, p Setup) (ConfigureResult, error) {
	result := ConfigureResult{ID: p.ID, Account: p.Account}
	if p.Enabled == nil && p.Config == nil && p.Access == nil && len(p.Secrets) == 0 {
		return result, wit.NewError(wit.CodeInvalid, "nothing to configure: give enabled, config, access or secrets")
	}
	if !slices.ContainsFunc(s.plugins.List(), func(known Plugin) bool { return known.ID == p.ID }) {
		return result, wit.Errorf(wit.CodeNotFound, "there is no plugin %s: `carapace plugins list` shows what there is", p.ID)
	}
	if err := s.checkSecrets(p); err != nil {
		return result, err
	}
	change, err := s.checked(p)
	if err != nil {
		return result, err
	}
	since, undo, err := s.put(ctx, p, change)
	if err != nil {
		return result, err
	}
	if p.Test {
		if err = s.test(ctx, p, since, &result); err != nil {
			return result, errors.Join(wit.Errorf(wit.CodeUnavailable, "%s does not work with that, so nothing was kept: %w", p.ID, err), undo(context.WithoutCancel(ctx)))
		}
	}
	result.OK = true
	return result, nil
}

// Configure is plugins.configure.
func (s *Service) Configure(ctx context.Context, p Setup) (ConfigureResult, error) {
	return s.setup.configure(ctx, p)
}

// checked is what a setup does to the settings, nil for nothing, when that is known to be right.
func (s *setup) checked(p Setup) (config.Change, error) {
	if s.isKey(p.ID, p.Account) {
		if p.Enabled != nil || p.Config != nil || p.Access != nil {
			return nil, wit.Errorf(wit.CodeInvalid, "%s is no channel, so that its account %.64q has no settings, but is another key of it: give credentials alone", p.ID, p.Account)
		}
		return nil, config.CheckAccount(p.Account)
	}
	change, err := s.change(p)
	if err != nil {
		return nil, err
	}
	return change, s.settings.Try(change)
}

// isKey reports whether an account is none of a channel, but another key of a provider of models.
func (s *setup) isKey(id, account string) bool {
	return account != "" && slices.ContainsFunc(s.plugins.List(), func(known Plugin) bool {
		return known.ID == id && known.Provider && !slices.Contains(known.Kinds, "channel")
	})
}

// put keeps credentials, then settings. since is when the credentials were kept; undo puts back what was there before.
func (s *setup) put(ctx context.Context, p Setup, change config.Change) (since uint64, undo func(context.Context) error, err error) {
	before, _, _ := s.settings.Text()
	secrets := map[string]string{} // as they were; empty for none
	for name, value := range p.Secrets {
		if secrets[name], err = s.vault.Get(ctx, p.ID, p.Account, name); err != nil && wit.CodeOf(err) != wit.CodeNotFound {
			return 0, nil, err
		}
		if err := s.vault.Put(ctx, p.ID, p.Account, name, value); err != nil {
			return 0, nil, err
		}
	}
	since = s.accounts.Mark()
	if change != nil {
		if _, err := s.settings.Edit(ctx, "", change); err != nil {
			return 0, nil, err
		}
	}
	after, _, hash := s.settings.Text()
	s.settle(p, since)
	return since, func(ctx context.Context) error {
		var errs []error
		for name, value := range secrets {
			if value == "" {
				errs = append(errs, s.vault.Delete(ctx, p.ID, p.Account, name))
			} else {
				errs = append(errs, s.vault.Put(ctx, p.ID, p.Account, name, value))
			}
		}
		since := s.accounts.Mark()
		if !bytes.Equal(before, after) {
			_, err := s.settings.Edit(ctx, hash, func(d *config.Document) error { return d.Replace(before) })
			errs = append(errs, err)
		}
		s.settle(p, since)
		return errors.Join(errs...)
	}, nil
}

// settle waits until what was put is in force. The credentials were kept at since.
func (s *setup) settle(p Setup, since uint64) {
	s.plugins.Settle()
	if p.Account != "" && len(p.Secrets) > 0 && !s.isKey(p.ID, p.Account) {
		s.accounts.Restart(p.ID, p.Account, since)
	}
}

// Bounds of a test.
const (
	testTimeout = 20 * time.Second
	testModels  = 100
)

// test tries a plugin that was configured: an account by its connection, a provider by its models, what transcribes by a
// silence, what speaks by a word. Its credentials were kept at since. Whatever else it is cannot be tried without an effect. The time is for the other side to answer, not for a first compilation.
func (s *setup) test(ctx context.Context, p Setup, since uint64, r *ConfigureResult) error {
	var is Plugin
	for _, known := range s.plugins.List() {
		if known.ID == p.ID {
			is = known
		}
	}
	if p.Account == "" && !is.Provider && !is.Transcriber && (!is.Speaker || s.speakers == nil) {
		return nil
	}
	if err := s.plugins.Warm(ctx, p.ID); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, testTimeout)
	defer cancel()
	var err error
	switch {
	case p.Account != "" && !s.isKey(p.ID, p.Account):
		r.Login, err = s.accounts.Test(ctx, p.ID, p.Account, since)
		r.Tested = err == nil && !r.Login
	case is.Provider:
		err = s.testModels(ctx, p, r)
	case is.Transcriber:
		err = s.transcribers.Try(ctx, p.ID)
		r.Tested = err == nil
	default:
		err = s.speakers.Try(ctx, p.ID)
		r.Tested = err == nil
	}
	return err
}

// testModels tries a provider with the key that is meant.
func (s *setup) testModels(ctx context.Context, p Setup, r *ConfigureResult) error {
	list, err := s.list(ctx, p)
	for _, m := range list[:min(len(list), testModels)] {
		r.Models = append(r.Models, m.ID)
	}
	r.Tested = len(list) > 0
	return err
}

// list has a provider list its models, with the key that is meant.
func (s *setup) list(ctx context.Context, p Setup) ([]wit.Model, error) {
	if p.Account != "" {
		return s.providers.ListWith(ctx, p.ID, p.Account)
	}
	return s.providers.List(ctx, p.ID, true)
}

// checkSecrets looks whether the plugin's manifest names the credentials.
func (s *setup) checkSecrets(p Setup) error {
	names, err := s.plugins.Secrets(p.ID)
	if err != nil {
		return err
	}
	for name := range p.Secrets {
		if !slices.Contains(names, name) {
			return wit.Errorf(wit.CodeInvalid, "plugin %s has no credential %s; it has %s", p.ID, name, cmp.Or(strings.Join(names, ", "), "none"))
		}
	}
	return nil
}

// change is what a setup does to the settings, checked against the plugin's schema. An account that is turned on turns
// its plugin on too.
func (s *setup) change(p Setup) (config.Change, error) {
	section, err := p.section()
	if err != nil {
		return nil, err
	}
	all := object{"plugins": object{p.ID: section}}
	path := []string{"plugins", p.ID, "config"}
	if p.Account != "" {
		all = object{"channels": object{p.ID: object{"accounts": object{p.Account: section}}}}
		path = []string{"channels", p.ID, "accounts", p.Account, "config"}
		if p.Enabled != nil && *p.Enabled && !s.settings.PluginEnabled(p.ID) {
			all["plugins"] = object{p.ID: object{"enabled": true}}
		}
	}
	patch, err := patch(all)
	if err != nil {
		return nil, err
	}
	laid := restored(s.settings, s.plugins, func(d *config.Document) error { return d.Merge(patch) })
	return func(d *config.Document) error {
		if err := laid(d); err != nil {
			return err
		}
		section, ok := d.Get(path...)
		if p.Config == nil || !ok {
			return nil
		}
		return s.plugins.CheckConfig(p.ID, p.Account, section)
	}, nil
}

// object is a JSON object.
type object = map[string]any

// section is what a setup says, as it stands in the config file.
func (p Setup) section() (object, error) {
	section := object{}
	if p.Access != nil {
		b, err := json.Marshal(p.Access)
		if err == nil {
			err = json.Unmarshal(b, &section)
		}
		if err != nil {
			return nil, wit.Errorf(wit.CodeInternal, "write who may talk: %w", err)
		}
	}
	if p.Enabled != nil {
		section["enabled"] = *p.Enabled
	}
	if p.Config != nil {
		section["config"] = p.Config
	}
	return section, nil
}
