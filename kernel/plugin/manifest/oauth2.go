package manifest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/proof"
	"github.com/carapace-gateway/carapace/kernel/setting"
	"github.com/carapace-gateway/carapace/wit"
)

// oauth2 checks that the recipes of access tokens make sense.
func (c *checker) oauth2(m *wit.Manifest) {
	in := surroundings(m)
	for i := range m.OAuth2 {
		r, path := &m.OAuth2[i], fmt.Sprintf("oauth2[%d]", i)
		c.tokenNames(path, r, m)
		c.tokenNeeds(path, r)
		for _, text := range proof.Endpoint(r.TokenURL, http.MethodPost, in) {
			c.problem(path+".tokenUrl", "%s", text)
		}
		settings := map[string]string{"clientId": r.ClientID, "keyId": r.KeyID, "issuer": r.Issuer, "subject": r.Subject, "audience": r.Audience}
		for n, p := range r.Parameters {
			settings[fmt.Sprintf("parameters[%d].value", n)] = p.Value
		}
		for name, text := range settings {
			if field, ok := setting.Field(text); ok && !in.HasField(field) {
				c.problem(path+"."+name, "names the field %.64q, which config does not have", field)
			}
		}
	}
}

// tokenNames checks the names of a token and of the credentials that it is got by.
func (c *checker) tokenNames(path string, r *wit.OAuth2Recipe, m *wit.Manifest) {
	var granted []string
	if p := m.Permissions.Credential; p != nil {
		granted = p.Names
	}
	for _, name := range []struct {
		field string
		value *string
	}{{"name", &r.Name}, {"clientSecret", r.ClientSecret}, {"refreshToken", r.RefreshToken}, {"key", r.Key}} {
		if name.value == nil || *name.value == "" {
			continue
		}
		if !slices.Contains(granted, *name.value) {
			c.problem(path+"."+name.field, "needs %q among permissions.credential.names", *name.value)
		}
		if name.field != "name" && slices.ContainsFunc(m.OAuth2, func(o wit.OAuth2Recipe) bool { return o.Name == *name.value }) {
			c.problem(path+"."+name.field, "%q is an access token, and no credential that the owner enters", *name.value)
		}
	}
	if surroundings(m).HasField(r.Name) {
		c.problem(path+".name", "%q is a field of config too: the owner does not enter it, so take it out there", r.Name)
	}
	if n := slices.IndexFunc(m.OAuth2, func(o wit.OAuth2Recipe) bool { return o.Name == r.Name }); &m.OAuth2[n] != r {
		c.problem(path+".name", "%q is a duplicate", r.Name)
	}
}

// tokenNeeds checks that a recipe has what its grant needs, and nothing that it would not look at.
func (c *checker) tokenNeeds(path string, r *wit.OAuth2Recipe) {
	refresh, client, bearer := r.Grant == wit.OAuth2GrantRefreshToken || r.Grant == "", r.Grant == wit.OAuth2GrantClientCredentials, r.Grant == wit.OAuth2GrantJWTBearer
	for _, f := range []struct {
		field          string
		set, may, must bool
	}{
		{"refreshToken", r.RefreshToken != nil, refresh, refresh},
		{"clientId", r.ClientID != "", true, refresh || client},
		{"clientSecret", r.ClientSecret != nil, true, client},
		{"key", r.Key != nil, bearer, bearer},
		{"issuer", r.Issuer != "", bearer, bearer && r.ClientID == ""},
		{"keyId", r.KeyID != "", bearer, false},
		{"subject", r.Subject != "", bearer, false},
		{"audience", r.Audience != "", bearer, false},
		{"json", r.JSON != nil, client, false},
		{"scopes", len(r.Scopes) > 0, r.JSON == nil, false},
		{"clientAuth", r.ClientAuth != "" && r.ClientAuth != wit.ClientAuthBasic, r.JSON == nil, false},
		{"algorithm", r.Algorithm != "" && r.Algorithm != wit.TokenAlgorithmRS256, bearer, false},
	} {
		switch {
		case f.must && !f.set:
			c.problem(path+"."+f.field, "is missing: a token cannot be got without by %s", grantName(r.Grant))
		case f.set && !f.may:
			c.problem(path+"."+f.field, "is not looked at by %s: leave it out, or choose the grant that is meant", grantName(r.Grant))
		}
	}
	for _, p := range r.Parameters {
		if slices.Contains([]string{"grant_type", "assertion", "refresh_token", "client_id", "client_secret", "scope"}, p.Name) {
			c.problem(path+".parameters", "%q is the kernel's own", p.Name)
		}
	}
	for _, scope := range r.Scopes {
		if scope == "" || strings.ContainsFunc(scope, func(c rune) bool { return c <= ' ' || c > '~' }) {
			c.problem(path+".scopes", "%.40q is no scope: name one in each text", scope)
		}
	}
}

func grantName(g wit.OAuth2Grant) wit.OAuth2Grant {
	if g == "" {
		return wit.OAuth2GrantRefreshToken
	}
	return g
}
