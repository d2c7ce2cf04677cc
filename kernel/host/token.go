package host

import (
	"context"
	"net/http"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/kernel/oauth"
	"github.com/carapace-gateway/carapace/wit"
)

// tokens are the access tokens that a version of a plugin may have, by the recipes of its manifest.
type tokens struct {
	owner   string
	recipes []wit.OAuth2Recipe
	keeper  *oauth.Keeper
	config  configuration
	reach   *reach
	network *egress.Client
}

// recipe is how the token of a name is got, nil where that is no token.
func (t *tokens) recipe(name string) *wit.OAuth2Recipe {
	for i := range t.recipes {
		if t.recipes[i].Name == name {
			return &t.recipes[i]
		}
	}
	return nil
}

// client is for whom a token is got. Its requests are under the plugin's permission and at its rate; what they carry
// follows no redirect.
func (t *tokens) client(account string, r *wit.OAuth2Recipe) oauth.Client {
	return oauth.Client{
		Owner: t.owner, Account: account, Recipe: r,
		Setting: func(field string) string { return t.config.setting(account, field) },
		Do: func(ctx context.Context, req *wit.HTTPRequest) (*wit.HTTPResponse, error) {
			if err := t.reach.admit(req); err != nil {
				return nil, err
			}
			policy := t.reach.policy(account)
			policy.Stay = true
			return t.network.Do(ctx, policy, nil, req)
		},
	}
}

// lease is the credentials of one request. It remembers the tokens among them.
type lease struct {
	tokens  *tokens
	account string
	from    egress.Credentials
	used    map[string]string // tokens by name
}

func (c *Credentials) lease(account string, from egress.Credentials) *lease {
	return &lease{&c.tokens, account, from, map[string]string{}}
}

func (l *lease) get(name string) (string, error) {
	value, err := l.from(name)
	if err == nil && l.tokens.recipe(name) != nil {
		l.used[name] = value
	}
	return value, err
}

// refused takes notice that the server did not take the request's tokens, and reports whether it is worth making it once
// more, with others.
func (l *lease) refused(ctx context.Context) (again bool) {
	for name, value := range l.used {
		again = l.tokens.keeper.Refused(ctx, l.tokens.client(l.account, l.tokens.recipe(name)), value) || again
	}
	clear(l.used)
	return again
}

// unauthorized reports whether a server wants other credentials.
func unauthorized(status int) bool { return status == http.StatusUnauthorized }
