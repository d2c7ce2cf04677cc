package host

import (
	"context"
	"slices"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/wit"
)

func (g *Guest) credentialHas(ctx context.Context, q *wit.CredentialQuery) (*wit.CredentialPresence, error) {
	if err := g.mayUse(q.Name); err != nil {
		return nil, err
	}
	account := CallOf(ctx).Account
	if q.Account != nil {
		account = *q.Account
	}
	vault := g.host.deps.Vault
	return &wit.CredentialPresence{Present: vault.Has(g.ID, account, q.Name) || vault.Has(g.ID, "", q.Name)}, nil
}

func (g *Guest) mayUse(name string) error {
	c := g.Permissions.Credential
	if c == nil || !slices.Contains(c.Names, name) {
		return wit.Errorf(wit.CodeForbidden, "credential %.64q is not granted: permissions.credential.names of the manifest would have to name it", name)
	}
	return nil
}

// Credentials looks in the account first, then in what serves all of the plugin's accounts.
func (g *Guest) Credentials(ctx context.Context, account string) egress.Credentials {
	return func(name string) (string, error) {
		if err := g.mayUse(name); err != nil {
			return "", err
		}
		vault := g.host.deps.Vault
		value, err := vault.Get(ctx, g.ID, account, name)
		if account != "" && wit.CodeOf(err) == wit.CodeNotFound {
			value, err = vault.Get(ctx, g.ID, "", name)
		}
		if wit.CodeOf(err) == wit.CodeNotFound {
			return "", wit.Errorf(wit.CodeUnauthorized, "credential %s of %s is not set: enter it in the setup", name, g.ID)
		}
		return value, err
	}
}
