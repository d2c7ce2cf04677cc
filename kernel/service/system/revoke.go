package system

import (
	"context"
	"slices"

	"github.com/carapace-gateway/carapace/kernel/config"
	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/wit"
)

// Credential names one that is kept. Account is empty for one that serves all accounts of its plugin.
type Credential struct {
	Plugin  string `json:"plugin"`
	Account string `json:"account,omitempty"`
	Name    string `json:"name"`
}

// CredentialList are the names of all credentials, in order. It has no values.
type CredentialList struct {
	Credentials []Credential `json:"credentials"`
}

// Revoke says what is taken from a plugin, or from an account of a channel. The plugin may be gone.
type Revoke struct {
	ID string `json:"id" rpc:"required,min=1,max=64"`
	// Account is which account of a channel is meant; empty is the plugin as a whole.
	Account string `json:"account,omitempty" rpc:"max=128"`
	// Name is the one credential that is meant; empty is all of them.
	Name string `json:"name,omitempty" rpc:"max=64"`
	// Settings takes the account's settings away too, so that there is no such account any more.
	Settings bool `json:"settings,omitempty"`
}

// Revoked is what was taken.
type Revoked struct {
	OK      bool   `json:"ok"`
	ID      string `json:"id"`
	Account string `json:"account,omitempty"`
	// Credentials are the names of those that are gone.
	Credentials []string `json:"credentials"`
	// Settings says that the account's settings are gone.
	Settings bool `json:"settings,omitempty"`
}

// credentials lists what the vault keeps.
func (s *setup) credentials(context.Context, rpc.None) (CredentialList, error) {
	return CredentialList{append([]Credential{}, s.vault.Kept()...)}, nil
}

// revoke takes credentials back and then, if they are to go too, the account's settings: a credential is never left
// without that anybody can see whose it is. Errors: CodeNotFound when there is nothing to take; CodeInvalid for settings of no
// account, or with the name of one credential.
func (s *setup) revoke(ctx context.Context, p Revoke) (Revoked, error) {
	done := Revoked{ID: p.ID, Account: p.Account, Credentials: []string{}}
	if p.Settings && (p.Account == "" || p.Name != "") {
		return done, wit.NewError(wit.CodeInvalid, "settings go with a whole account: name the account, and no credential")
	}
	path := []string{"channels", p.ID, "accounts", p.Account}
	_, configured := s.settings.Document().Get(path...)
	configured = configured && p.Settings
	found := slices.DeleteFunc(s.vault.Kept(), func(c Credential) bool {
		return c.Plugin != p.ID || c.Account != p.Account || p.Name != "" && c.Name != p.Name
	})
	if len(found) == 0 && !configured {
		return done, p.nothing()
	}
	drop := func(d *config.Document) error { return nil }
	if configured {
		change, err := patch(object{"channels": object{p.ID: object{"accounts": object{p.Account: nil}}}})
		if err != nil {
			return done, err
		}
		drop = restored(s.settings, s.plugins, func(d *config.Document) error { return d.Merge(change) })
		if err := s.settings.Try(drop); err != nil {
			return done, err
		}
	}
	for _, c := range found {
		if err := s.vault.Delete(ctx, c.Plugin, c.Account, c.Name); err != nil {
			return done, err
		}
		done.Credentials = append(done.Credentials, c.Name)
	}
	gone := s.accounts.Mark()
	if configured {
		if _, err := s.settings.Edit(ctx, "", drop); err != nil {
			return done, err
		}
		done.Settings = true
	}
	s.plugins.Settle()
	if p.Account != "" && !configured && !s.isKey(p.ID, p.Account) {
		s.accounts.Restart(p.ID, p.Account, gone) // it stands on what is gone
	}
	done.OK = true
	return done, nil
}

// nothing says that there is nothing of what is to be taken.
func (p Revoke) nothing() error {
	what, of := "credential", p.ID
	if p.Name != "" {
		what += " " + p.Name
	}
	if p.Settings {
		what = "account and no credential"
	}
	if p.Account != "" {
		of += "/" + p.Account
	}
	return wit.Errorf(wit.CodeNotFound, "there is no %s of %s: `carapace credentials list` shows what is kept", what, of)
}
