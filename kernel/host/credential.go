package host

import (
	"context"
	"slices"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/kernel/oauth"
	"github.com/carapace-gateway/carapace/kernel/sign"
	"github.com/carapace-gateway/carapace/wit"
)

// Vault finds credentials. account is empty for one that serves all accounts of its owner.
type Vault interface {
	// Get returns the secret, or CodeNotFound.
	Get(ctx context.Context, owner, account, name string) (string, error)
	// Has reports whether Get would return one.
	Has(owner, account, name string) bool
	// PutAll keeps all of the values or none, by name.
	PutAll(ctx context.Context, owner, account string, values map[string]string) error
}

// Credentials are those that a version of a plugin may use. The guest learns whether one is there, and never what it
// is: values are put into requests after they have left it, or sign. Some are access tokens, which the kernel gets.
type Credentials struct {
	owner   string   // the plugin's id
	granted []string // their names, from the manifest
	vault   Vault
	rate    *bucket // of signatures, of all versions
	tokens  tokens
}

func newCredentials(p Plugin, vault Vault, rate *bucket, t tokens) *Credentials {
	c := &Credentials{owner: p.ID, vault: vault, rate: rate, tokens: t}
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
	name := q.Name
	if r := c.tokens.recipe(name); r != nil { // it can be had when what it is got by is there
		name = oauth.Main(r)
	}
	return &wit.CredentialPresence{Present: c.vault.Has(c.owner, account, name) || c.vault.Has(c.owner, "", name)}, nil
}

// Sign is the guest's. While a pure function runs, only what gives the same signature each time is used, so that its event
// can be handled again with the same outcome.
func (c *Credentials) Sign(ctx context.Context, s *wit.Signing) (*wit.Signature, error) {
	call := CallOf(ctx)
	if c.tokens.recipe(s.Key) != nil {
		return nil, wit.Errorf(wit.CodeInvalid, "credential: %s is an access token, and no key to sign with", s.Key)
	}
	if f := wit.Export(call.Export); f != nil && f.Pure && !sign.Deterministic(s.Algorithm) {
		return nil, wit.Errorf(wit.CodeForbidden, "credential: %s may not sign with %s, whose signatures differ each time: sign with rsa_sha256", call.Export, s.Algorithm)
	}
	data := s.Bytes
	if s.Text != nil {
		data = []byte(*s.Text)
	}
	key, err := c.key(ctx, s.Key, s.Account)
	if err != nil {
		return nil, err
	}
	signature, err := sign.Sign(s.Algorithm, key, s.KeyEncoding, data)
	if err != nil {
		return nil, wit.Errorf(wit.CodeOf(err), "the credential %s of %s: %w", s.Key, c.owner, err)
	}
	return &wit.Signature{Bytes: signature}, nil
}

// Scram is the guest's. The first message is another one each time; whoever handles an event again says that one, and goes on
// with it.
func (c *Credentials) Scram(ctx context.Context, l *wit.ScramLogin) (*wit.ScramMessage, error) {
	if c.tokens.recipe(l.Password) != nil {
		return nil, wit.Errorf(wit.CodeInvalid, "credential: %s is an access token, and no password to log in with", l.Password)
	}
	password, err := c.key(ctx, l.Password, l.Account)
	if err != nil {
		return nil, err
	}
	text, err := sign.Scram(l, password)
	if err != nil {
		return nil, wit.Errorf(wit.CodeOf(err), "the login with the credential %s of %s: %w", l.Password, c.owner, err)
	}
	return &wit.ScramMessage{Text: text}, nil
}

// Refused is the guest's, of an access token that went over a connection. Saying it again changes nothing, so a pure function may.
func (c *Credentials) Refused(ctx context.Context, q *wit.CredentialQuery) (*wit.CredentialRenewal, error) {
	if err := c.mayUse(q.Name); err != nil {
		return nil, err
	}
	account := CallOf(ctx).Account
	if q.Account != nil {
		account = *q.Account
	}
	r := c.tokens.recipe(q.Name)
	return &wit.CredentialRenewal{Again: r != nil && c.tokens.keeper.LastRefused(ctx, c.tokens.client(account, r))}, nil
}

// key returns a credential that the kernel computes with: of the account that is named, or of that whose call runs.
func (c *Credentials) key(ctx context.Context, name string, account *string) (string, error) {
	if wait := c.rate.take(); wait > 0 {
		return "", tooOften("credential", wait)
	}
	whose := CallOf(ctx).Account
	if account != nil {
		whose = *account
	}
	return c.For(ctx, whose)(name)
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
		if r := c.tokens.recipe(name); r != nil {
			return c.tokens.keeper.Token(ctx, c.tokens.client(account, r))
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
