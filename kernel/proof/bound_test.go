package proof_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/proof"
	"github.com/carapace-gateway/carapace/wit"
)

// endorsing is an issuer whose keys say what they are for, and which is found by its metadata.
type endorsing struct {
	*issuer
	asked []string
}

func (e *endorsing) fetch(ctx context.Context, r *wit.HTTPRequest) (*wit.HTTPResponse, error) {
	e.asked = append(e.asked, r.URL)
	if r.URL == "https://keys.example.org/metadata" {
		return &wit.HTTPResponse{Status: 200, Text: new(`{"issuer":"https://issuer.example","jwks_uri":"https://keys.example.org/jwks","scopes_supported":["openid"]}`)}, nil
	}
	res, err := e.issuer.fetch(ctx, r)
	if err == nil {
		res.Text = new(strings.Replace(*res.Text, `"kid":"r","kty":"RSA","n"`, `"endorsements":["chat","skype"],"kid":"r","kty":"RSA","n"`, -1))
	}
	return res, err
}

const boundTokens = `{"auth":"jwt","jwt":{"keys":"https://keys.example.org/metadata","issuer":"https://issuer.example","audience":"config:app",
	"bound":[{"claim":"serviceurl","field":"serviceUrl"},{"key":"endorsements","field":"from.channel"}]}}`

// TestBoundTokens: a token is good for a body that says the same, and signed by a key that is for it.
func TestBoundTokens(t *testing.T) {
	e := &endorsing{issuer: newIssuer(t)}
	w, c := recipe(t, boundTokens), checker("")
	o := e.owner()
	o.Fetch = e.fetch
	at := set("serviceurl", "https://service.example/")
	rsa, ec := e.sign("RS256", "r", at), e.sign("ES256", "e", at)
	for name, tt := range map[string]struct {
		token, body string
		want        int
	}{
		"the same":               {rsa, `{"serviceUrl":"https://service.example/","from":{"channel":"chat"}}`, 0},
		"another address":        {rsa, `{"serviceUrl":"https://service.example.evil/","from":{"channel":"chat"}}`, 401},
		"another channel":        {rsa, `{"serviceUrl":"https://service.example/","from":{"channel":"mail"}}`, 401},
		"a key that is for none": {ec, `{"serviceUrl":"https://service.example/","from":{"channel":"chat"}}`, 401},
		"no claim":               {e.sign("RS256", "r", nil), `{"serviceUrl":"https://service.example/","from":{"channel":"chat"}}`, 401},
		"an empty claim":         {e.sign("RS256", "r", set("serviceurl", "")), `{"serviceUrl":"","from":{"channel":"chat"}}`, 401},
		"no field":               {rsa, `{"from":{"channel":"chat"}}`, 401},
		"no text":                {rsa, `{"serviceUrl":7,"from":{"channel":"chat"}}`, 401},
		"the field twice":        {rsa, `{"serviceUrl":"https://service.example/","from":{"channel":"chat"},"serviceUrl":"https://evil.example/"}`, 401},
		"the way twice":          {rsa, `{"serviceUrl":"https://service.example/","from":{"channel":"chat"},"from":{}}`, 401},
		"no JSON":                {rsa, `serviceUrl=https://service.example/`, 401},
		"two values":             {rsa, `{"serviceUrl":"https://service.example/","from":{"channel":"chat"}}{}`, 401},
		"a list":                 {rsa, `[{"serviceUrl":"https://service.example/"}]`, 401},
		"nothing":                {rsa, ``, 401},
	} {
		body := []byte(tt.body)
		r := request("POST", "/x", tt.body, "Authorization", "Bearer "+tt.token)
		if got := c.Check(context.Background(), o, w, r, body); got.Status != tt.want {
			t.Errorf("%s: %+v, want %d", name, got, tt.want)
		}
	}
	if got := strings.Join(e.asked, " "); got != "https://keys.example.org/metadata https://keys.example.org/jwks" {
		t.Errorf("asked for %s", got)
	}
}

// TestMetadata that leads nowhere is no issuer, and is not followed further.
func TestMetadata(t *testing.T) {
	i := newIssuer(t)
	for name, answer := range map[string]string{
		"to itself": `{"jwks_uri":"https://keys.example.org/jwks"}`, "to nothing": `{"jwks_uri":""}`, "no text": `{"jwks_uri":7}`,
		"huge": `{"jwks_uri":"https://keys.example.org/x","x":"` + strings.Repeat("a", 300<<10) + `"}`,
	} {
		asked := 0
		o := i.owner()
		o.Fetch = func(context.Context, *wit.HTTPRequest) (*wit.HTTPResponse, error) {
			asked++
			return &wit.HTTPResponse{Status: 200, Text: &answer}, nil
		}
		if got := show(checker(""), o, recipe(t, tokens), i.sign("EdDSA", "d", nil)); got.Status != 503 || asked > 2 {
			t.Errorf("%s: %+v after %d requests", name, got, asked)
		}
	}
}

// TestAddressesOfKeys: what an owner has not set is nothing that could be asked.
func TestAddressesOfKeys(t *testing.T) {
	i := newIssuer(t)
	w := recipe(t, strings.Replace(tokens, "https://keys.example.org/jwks", "config:keys", 1))
	asked := ""
	o := i.owner()
	fields := map[string]string{"app": "app-1"}
	o.Setting = func(field string) string { return fields[field] }
	o.Fetch = func(ctx context.Context, r *wit.HTTPRequest) (*wit.HTTPResponse, error) {
		asked = r.URL
		return i.fetch(ctx, r)
	}
	if got := show(checker(""), o, w, i.sign("EdDSA", "d", nil)); got.Status != 403 || asked != "" {
		t.Errorf("%+v after asking %s", got, asked)
	}
	fields["keys"] = "https://keys.example.org/{app}/jwks"
	if got := show(checker(""), o, w, i.sign("EdDSA", "d", nil)); got.Status != 0 || asked != "https://keys.example.org/app-1/jwks" {
		t.Errorf("%+v after asking %s", got, asked)
	}
	for _, address := range []string{"config:none", "https://keys.example.org/{none}", "https://{app}.example.org/x"} {
		var facts wit.WebhookFacts
		text, _ := json.Marshal(address)
		if err := wit.UnmarshalStrict([]byte(`{"auth":"jwt","jwt":{"keys":`+string(text)+`,"issuer":"i","audience":"a"}}`), &facts); err != nil {
			t.Fatal(err)
		}
		if len(proof.Sense(&facts, surroundings())) == 0 {
			t.Errorf("%s makes sense", address)
		}
	}
}
