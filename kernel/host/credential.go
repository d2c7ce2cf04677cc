package host

import (
	"context"
	"slices"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/wit"
)

// Vault finds credentials. account is empty for one that serves all accounts of its owner.
type Vault interface {
	// Get returns the secret, or CodeNotFound.
	Get(ctx context.Context, owner, account, name string) (string, error)
	// Has reports whether Get would return one.
	Has(owner, account, name string) bool
}

// Credentials are those that a version of a plugin may use. The guest learns whether one is there, and never what it
// is: values are put into requests after they have left it.
type Credentials struct {
	owner   string   // the plugin's id
	granted []string // their names, from the manifest
	vault   Vault
}

func newCredentials(p Plugin, vault Vault) *Credentials {
	c := &Credentials{owner: p.ID, vault: vault}
	if granted := p.Permissions.Credential; granted != nil {
		c.granted = granted.Names
	}
	return c
}

// Has is the guest's. It asks for the account of the call that runs, unless the query names one.
func (c *Credentials) Has(ctx context.Context, q *wit.CredentialQuery) (*wit.CredentialPresence, error) {
	if err := c.mayUse(q.Name); err != nil {
		return nil, err
	}
	account := CallOf(ctx).Account
	if q.Account != nil {
		account = *q.Account
	}
	return &wit.CredentialPresence{Present: c.vault.Has(c.owner, account, q.Name) || c.vault.Has(c.owner, "", q.Name)}, nil
}

// For returns what fills in the placeholders of an account's requests: the account's own credential, else the one
// that serves all of the plugin's accounts. Its errors are CodeForbidden for a name that the manifest does not have,
// and CodeUnauthorized for one that the owner has not entered: to the plugin's caller that is a login that fails,
// and not something that was asked for and is not there.
func (c *Credentials) For(ctx context.Context, account string) egress.Credentials {
	return func(name string) (string, error) {
		if err := c.mayUse(name); err != nil {
			return "", err
		}
		value, err := c.vault.Get(ctx, c.owner, account, name)
		if wit.CodeOf(err) == wit.CodeNotFound {
			value, err = c.vault.Get(ctx, c.owner, "", name)
		}
		if wit.CodeOf(err) == wit.CodeNotFound {
			return "", wit.Errorf(wit.CodeUnauthorized, "the credential %s of %s is not set: `%s` asks for it; in a script, add --secret %s=env:VARIABLE", name, c.owner, setup(c.owner, account), name)
		}
		return value, err
	}
}

// setup is the command that asks for the credentials of an account, or of a plugin.
func setup(owner, account string) string {
	command := "carapace setup " + owner
	if account != "" && account != "default" {
		command += " --account " + account
	}
	return command
}

func (c *Credentials) mayUse(name string) error {
	if !slices.Contains(c.granted, name) {
		return wit.Errorf(wit.CodeForbidden, "credential %.64q is not granted: permissions.credential.names of the manifest would have to name it", name)
	}
	return nil
}
