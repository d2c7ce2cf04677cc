package proof_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/proof"
	"github.com/carapace-gateway/carapace/wit"
)

// issuer signs tokens and shows its keys.
type issuer struct {
	rsa     *rsa.PrivateKey
	ec      *ecdsa.PrivateKey
	ed      ed25519.PrivateKey
	ids     []string // of its keys, in this order
	headers []wit.Header
	fail    error
	asked   int
}

func newIssuer(t *testing.T) *issuer {
	t.Helper()
	i := &issuer{ids: []string{"r", "e", "d"}}
	var err1, err2, err3 error
	i.rsa, err1 = rsa.GenerateKey(rand.Reader, 2048)
	i.ec, err2 = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	_, i.ed, err3 = ed25519.GenerateKey(rand.Reader)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	return i
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (i *issuer) set() string {
	point, _ := i.ec.PublicKey.Bytes()
	keys := []map[string]string{
		{"kty": "oct", "kid": "secret", "k": "AAAA"},
		{"kty": "RSA", "kid": i.ids[0], "use": "enc", "n": "AQAB", "e": "AQAB"},
		{"kty": "RSA", "kid": i.ids[0], "use": "sig", "alg": "RS256", "n": b64(i.rsa.N.Bytes()), "e": b64(big.NewInt(int64(i.rsa.E)).Bytes())},
		{"kty": "EC", "kid": i.ids[1], "crv": "P-256", "x": b64(point[1:33]), "y": b64(point[33:])},
		{"kty": "OKP", "kid": i.ids[2], "crv": "Ed25519", "x": b64(i.ed.Public().(ed25519.PublicKey))},
	}
	b, _ := json.Marshal(map[string]any{"keys": keys})
	return string(b)
}

func (i *issuer) fetch(_ context.Context, r *wit.HTTPRequest) (*wit.HTTPResponse, error) {
	i.asked++
	if i.fail != nil {
		return nil, i.fail
	}
	return &wit.HTTPResponse{Status: 200, Text: new(i.set()), Headers: i.headers}, nil
}

// sign makes a token; change may alter its header and claims first.
func (i *issuer) sign(alg, kid string, change func(header, claims map[string]any)) string {
	header := map[string]any{"alg": alg, "kid": kid, "typ": "JWT"}
	now := time.Now().Unix()
	claims := map[string]any{"iss": "https://issuer.example", "aud": "app-1", "iat": now, "exp": now + 300}
	if change != nil {
		change(header, claims)
	}
	h, _ := json.Marshal(header)
	c, _ := json.Marshal(claims)
	signed := b64(h) + "." + b64(c)
	sum := sha256.Sum256([]byte(signed))
	var signature []byte
	switch alg {
	case "RS256":
		signature, _ = rsa.SignPKCS1v15(nil, i.rsa, crypto.SHA256, sum[:])
	case "ES256":
		r, s, _ := ecdsa.Sign(rand.Reader, i.ec, sum[:])
		signature = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	case "EdDSA":
		signature = ed25519.Sign(i.ed, []byte(signed))
	case "HS256": // the confusion of algorithms: the public key as a shared one
		m := hmac.New(sha256.New, i.rsa.N.Bytes())
		m.Write([]byte(signed))
		signature = m.Sum(nil)
	case "none":
		signature = []byte("x")
	}
	return signed + "." + b64(signature)
}

const tokens = `{"auth":"jwt","jwt":{"keys":"https://keys.example.org/jwks","issuer":"https://issuer.example","audience":"config:app"}}`

func (i *issuer) owner() proof.Owner {
	return proof.Owner{ID: "chat/main", Fetch: i.fetch, Setting: func(field string) string { return map[string]string{"app": "app-1"}[field] }}
}

func show(c *proof.Checker, o proof.Owner, w *wit.WebhookFacts, token string) *proof.Verdict {
	return c.Check(context.Background(), o, w, request("POST", "/x", "body", "Authorization", "Bearer "+token), []byte("body"))
}

func set(name string, value any) func(h, c map[string]any) {
	return func(_, c map[string]any) { c[name] = value }
}

// TestTokens: what an issuer has signed for this account and now is taken.
func TestTokens(t *testing.T) {
	i := newIssuer(t)
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().Unix()
		w, c := recipe(t, tokens), checker("")
		for name, tt := range map[string]struct {
			token string
			want  int
		}{
			"RS256":                   {i.sign("RS256", "r", nil), 0},
			"ES256":                   {i.sign("ES256", "e", nil), 0},
			"EdDSA":                   {i.sign("EdDSA", "d", nil), 0},
			"without a key's name":    {i.sign("ES256", "", func(h, _ map[string]any) { delete(h, "kid") }), 0},
			"for several":             {i.sign("EdDSA", "d", set("aud", []string{"x", "app-1"})), 0},
			"within the leeway":       {i.sign("EdDSA", "d", set("exp", now-59)), 0},
			"a fraction":              {i.sign("EdDSA", "d", set("exp", float64(now)+0.5)), 0},
			"none":                    {i.sign("none", "r", nil), 401},
			"HS256 by the public key": {i.sign("HS256", "r", nil), 401},
			"another's algorithm":     {i.sign("RS256", "e", nil), 401},
			"RS512":                   {i.sign("RS256", "r", func(h, _ map[string]any) { h["alg"] = "RS512" }), 401},
			"no algorithm":            {i.sign("RS256", "r", func(h, _ map[string]any) { delete(h, "alg") }), 401},
			"extensions":              {i.sign("RS256", "r", func(h, _ map[string]any) { h["crit"] = []string{"b64"} }), 401},
			"ended":                   {i.sign("EdDSA", "d", set("exp", now-60)), 401},
			"without an end":          {i.sign("EdDSA", "d", func(_, c map[string]any) { delete(c, "exp") }), 401},
			"an end that is no time":  {i.sign("EdDSA", "d", set("exp", "soon")), 401},
			"a huge end":              {i.sign("EdDSA", "d", set("exp", 1e300)), 0},
			"of the future":           {i.sign("EdDSA", "d", set("nbf", now+61)), 401},
			"issued in the future":    {i.sign("EdDSA", "d", set("iat", now+61)), 401},
			"another issuer":          {i.sign("EdDSA", "d", set("iss", "https://issuer.example/")), 401},
			"no issuer":               {i.sign("EdDSA", "d", func(_, c map[string]any) { delete(c, "iss") }), 401},
			"for somebody else":       {i.sign("EdDSA", "d", set("aud", "app-2")), 401},
			"for nobody":              {i.sign("EdDSA", "d", func(_, c map[string]any) { delete(c, "aud") }), 401},
			"a claim changed":         {swap(i.sign("EdDSA", "d", nil), i.sign("EdDSA", "d", set("sub", "root"))), 401},
			"no signature":            {i.sign("none", "r", nil)[:strings.LastIndexByte(i.sign("none", "r", nil), '.')+1], 401},
			"two parts":               {"e30.e30", 401},
			"four parts":              {i.sign("EdDSA", "d", nil) + ".x", 401},
			"no JSON":                 {"AAAA.AAAA.AAAA", 401},
			"nothing":                 {"", 401},
			"huge":                    {strings.Repeat("A", 9<<10) + ".e30.AA", 401},
		} {
			if got := show(c, i.owner(), w, tt.token); got.Status != tt.want {
				t.Errorf("%s: %+v, want %d", name, got, tt.want)
			}
		}
		if i.asked != 1 {
			t.Errorf("its keys were asked for %d times", i.asked)
		}
		if got := show(c, proof.Owner{ID: "chat/bare", Fetch: i.fetch, Setting: func(string) string { return "" }}, w, i.sign("EdDSA", "d", set("aud", ""))); got.Status != 403 {
			t.Errorf("an account that says for whom: %+v", got)
		}
		other := recipe(t, strings.Replace(tokens, `"auth":"jwt"`, `"auth":"jwt","header":"X-Token"`, 1))
		r := request("POST", "/x", "", "X-Token", i.sign("EdDSA", "d", nil))
		if got := c.Check(t.Context(), i.owner(), other, r, nil); got.Status != 0 {
			t.Errorf("in another header: %+v", got)
		}
	})
}

// swap puts the claims of one token under the signature of another.
func swap(signed, claims string) string {
	a, b := strings.Split(signed, "."), strings.Split(claims, ".")
	return a[0] + "." + b[1] + "." + a[2]
}

// TestKeysChange: an unknown key is asked for once in a minute, and what is known is used while the issuer is away.
func TestKeysChange(t *testing.T) {
	i := newIssuer(t)
	synctest.Test(t, func(t *testing.T) {
		w, c := recipe(t, tokens), checker("")
		want := func(kid string, status, asked int) {
			t.Helper()
			if got := show(c, i.owner(), w, i.sign("EdDSA", kid, nil)); got.Status != status || i.asked != asked {
				t.Errorf("%s: %+v, asked %d times; want %d, %d", kid, got, i.asked, status, asked)
			}
		}
		i.fail = errors.New("away")
		want("d", 503, 1)
		want("d", 503, 1) // not at each call
		i.fail = nil
		time.Sleep(10 * time.Second)
		want("d", 0, 2)
		want("d2", 401, 2) // so soon that nobody asks
		time.Sleep(time.Minute)
		i.ids = []string{"r", "e", "d2"}
		want("d2", 0, 3)
		for range 100 {
			want("forged", 401, 3)
		}
		time.Sleep(time.Minute)
		want("forged", 401, 4)
		time.Sleep(time.Hour)
		i.fail = errors.New("away")
		want("d2", 0, 5) // what is known is used
		time.Sleep(26 * time.Hour)
		want("d2", 503, 6)
		i.fail, i.headers = nil, []wit.Header{{Name: "cache-control", Value: "public, max-age=600"}}
		time.Sleep(10 * time.Second)
		want("d2", 0, 7)
		time.Sleep(10*time.Minute - time.Second)
		want("d2", 0, 7)
		time.Sleep(time.Second)
		want("d2", 0, 8)
	})
}

// TestSets: a set without a key that can be used is none.
func TestSets(t *testing.T) {
	i := newIssuer(t)
	small := `{"keys":[{"kty":"RSA","kid":"d","n":"` + b64(make([]byte, 100)) + `","e":"AQAB"}]}`
	for name, set := range map[string]string{
		"empty": "", "no JSON": "<html>", "no keys": `{}`, "none": `{"keys":[]}`, "a small key": small, "shared": `{"keys":[{"kty":"oct","k":"AAAA"}]}`,
		"off the curve": `{"keys":[{"kty":"EC","crv":"P-256","x":"` + b64(make([]byte, 32)) + `","y":"` + b64(make([]byte, 32)) + `"}]}`,
		"huge":          `{"keys":[` + strings.Repeat(" ", 300<<10) + `]}`, "a short one": `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AAAA"}]}`,
	} {
		o := i.owner()
		o.Fetch = func(context.Context, *wit.HTTPRequest) (*wit.HTTPResponse, error) {
			return &wit.HTTPResponse{Status: 200, Text: &set}, nil
		}
		if got := show(checker(""), o, recipe(t, tokens), i.sign("EdDSA", "d", nil)); got.Status != 503 {
			t.Errorf("%s: %+v", name, got)
		}
	}
	for name, res := range map[string]*wit.HTTPResponse{"404": {Status: 404, Text: new(i.set())}, "no body": {Status: 200}, "an error": {Error: &wit.Error{Code: wit.CodeTimeout}}} {
		o := i.owner()
		o.Fetch = func(context.Context, *wit.HTTPRequest) (*wit.HTTPResponse, error) { return res, nil }
		if got := show(checker(""), o, recipe(t, tokens), i.sign("EdDSA", "d", nil)); got.Status != 503 {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestPublishedTokens: the signatures of RFC 7515, A.2 and A.3, are verified by the keys that stand there. What they say is
// for nobody here, so only their signatures are looked at.
func TestPublishedTokens(t *testing.T) {
	for name, v := range published() {
		if !proof.Verifies(t, v.set, v.token) {
			t.Errorf("%s: not verified", name)
		}
		forged := swap(v.token, "."+b64([]byte(`{"iss":"jim"}`))+".")
		if proof.Verifies(t, v.set, forged) {
			t.Errorf("%s: forged claims are verified", name)
		}
	}
}

type publishedToken struct{ set, token string }

func published() map[string]publishedToken {
	claims := "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
	list := map[string]publishedToken{
		"RS256": {`{"keys":[{"kty":"RSA","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ","e":"AQAB"}]}`,
			"eyJhbGciOiJSUzI1NiJ9." + claims + ".cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"},
		"ES256": {`{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}`,
			"eyJhbGciOiJFUzI1NiJ9." + claims + ".DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"},
	}
	return list
}

// FuzzToken: whatever stands in a call's header and in a set of keys gets a verdict, and is never believed.
func FuzzToken(f *testing.F) {
	for _, v := range published() {
		f.Add(v.token, v.set)
	}
	f.Add("e30.e30.AA", `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AAAA"}]}`)
	w := &wit.WebhookFacts{Auth: wit.WebhookAuthJWT, JWT: &wit.TokenFacts{Keys: "https://keys.example.org/", Issuer: "i", Audience: "a"}}
	f.Fuzz(func(t *testing.T, token, set string) {
		o := proof.Owner{ID: "p", Setting: func(string) string { return "" }, Fetch: func(context.Context, *wit.HTTPRequest) (*wit.HTTPResponse, error) {
			return &wit.HTTPResponse{Status: 200, Text: &set}, nil
		}}
		r := request("POST", "/x", "")
		r.Header["Authorization"] = []string{"Bearer " + token}
		if v := checker("").Check(t.Context(), o, w, r, nil); v.Status == 0 {
			t.Fatalf("%q is believed", token)
		}
	})
}
