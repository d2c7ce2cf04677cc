package oauth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"

	"github.com/carapace-gateway/carapace/kernel/setting"
	"github.com/carapace-gateway/carapace/wit"
)

// inputs are what a token is got by.
type inputs struct {
	place    place
	secrets  map[string]string // credentials by name
	settings map[string]string // texts of the recipe, by what they are
	from     string
}

// gather finds a recipe's credentials and settings. The token is kept where its main credential is: with the account, or
// with the plugin for all accounts. So accounts that share a refresh token share what replaces it.
func (k *Keeper) gather(ctx context.Context, c Client) (inputs, error) {
	r := c.Recipe
	in := inputs{place: place{owner: c.Owner, name: r.Name}, secrets: map[string]string{}, settings: map[string]string{}}
	main := Main(r)
	for _, name := range []*string{r.ClientSecret, r.RefreshToken, r.Key} {
		if name == nil {
			continue
		}
		value, account, err := k.find(ctx, c, *name)
		if name == r.ClientSecret && *name != main && wit.CodeOf(err) == wit.CodeUnauthorized {
			continue // a public client has none
		}
		if err != nil {
			return inputs{}, err
		}
		in.secrets[*name] = value
		if *name == main {
			in.place.account = account
		}
	}
	named := false
	for what, text := range map[string]string{"clientId": r.ClientID, "keyId": r.KeyID, "issuer": r.Issuer, "subject": r.Subject, "audience": r.Audience} {
		field, ok := setting.Field(text)
		if ok {
			named = true
			if text = c.Setting(field); text == "" {
				return inputs{}, unset(c, field)
			}
		}
		in.settings[what] = text
	}
	address, missing := setting.Address(r.TokenURL, c.Setting)
	if missing != "" {
		return inputs{}, unset(c, missing)
	}
	in.settings["tokenUrl"] = address
	named = named || address != r.TokenURL
	for _, p := range r.Parameters {
		_, ok := setting.Field(p.Value)
		named = named || ok
		in.settings["parameter "+p.Name] = setting.Text(p.Value, c.Setting)
	}
	if named && (r.Grant == wit.OAuth2GrantClientCredentials || r.Grant == wit.OAuth2GrantJWTBearer) {
		in.place.account = c.Account
	}
	in.from = in.digest(r)
	return in, nil
}

// unset is the error for a setting that there is not.
func unset(c Client, field string) error {
	return wit.Errorf(wit.CodeUnauthorized, "the setting %s of %s, which the token %s needs, is not set", field, c.Owner, c.Recipe.Name)
}

// Main is the credential without which a recipe has no token.
func Main(r *wit.OAuth2Recipe) string {
	name := r.RefreshToken
	switch r.Grant {
	case wit.OAuth2GrantClientCredentials:
		name = r.ClientSecret
	case wit.OAuth2GrantJWTBearer:
		name = r.Key
	}
	if name == nil {
		return ""
	}
	return *name
}

// find returns a credential of the account, or else of the plugin, and whose it is.
func (k *Keeper) find(ctx context.Context, c Client, name string) (value, account string, err error) {
	value, err = k.vault.Get(ctx, c.Owner, c.Account, name)
	if account = c.Account; wit.CodeOf(err) == wit.CodeNotFound && account != "" {
		account = ""
		value, err = k.vault.Get(ctx, c.Owner, "", name)
	}
	if wit.CodeOf(err) == wit.CodeNotFound {
		return "", "", wit.Errorf(wit.CodeUnauthorized, "the credential %s of %s, by which its token %s is got, is not set: `carapace setup %s` asks for it", name, c.Owner, c.Recipe.Name, c.Owner)
	}
	return value, account, err
}

// digest tells inputs apart.
func (in inputs) digest(r *wit.OAuth2Recipe) string {
	h := sha256.New()
	write := func(texts ...string) {
		for _, s := range texts {
			b, _ := json.Marshal(s) // each text can be
			_, _ = h.Write(b)       // it never fails
		}
	}
	write(string(wit.Marshal(r)))
	for _, m := range []map[string]string{in.secrets, in.settings} {
		for _, name := range slices.Sorted(maps.Keys(m)) {
			write(name, m[name])
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}
