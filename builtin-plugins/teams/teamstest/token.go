package teamstest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/web"
)

// key is the connector's, which takes a while to make and is no secret here.
var key = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err) // the source of randomness does not fail
	}
	return k
})

const keyID = "the-connectors-key"

func encoded(v any) string {
	b, _ := json.Marshal(v) // maps, texts and numbers
	return base64.RawURLEncoding.EncodeToString(b)
}

// Claims are those of the token that an activity comes with, for a test to change (Bot Connector authentication, "Connector to
// bot").
func (s *Server) Claims() map[string]any {
	now := time.Now().Unix()
	return map[string]any{"iss": "https://api.botframework.com", "aud": s.cfg.AppID, "serviceurl": s.Service(), "nbf": now - 60, "exp": now + 3600}
}

// Sign makes a token of claims.
func (s *Server) Sign(claims map[string]any) string {
	text := encoded(map[string]any{"alg": "RS256", "typ": "JWT", "kid": keyID, "x5t": keyID}) + "." + encoded(claims)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(nil, key(), crypto.SHA256, sum[:])
	if err != nil {
		panic(err) // the key is good
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// metadata answers where the keys are.
func (s *Server) metadata(w http.ResponseWriter) {
	web.JSON(w, http.StatusOK, map[string]any{
		"issuer": "https://api.botframework.com", "authorization_endpoint": "https://invalid.botframework.com", "jwks_uri": s.Root() + "/openid/keys",
		"id_token_signing_alg_values_supported": []string{"RS256"}, "token_endpoint_auth_methods_supported": []string{"private_key_jwt"},
	})
}

// keys answers with the key, which says for which channels it is.
func (s *Server) keys(w http.ResponseWriter) {
	public := key().PublicKey
	web.JSON(w, http.StatusOK, map[string]any{"keys": []any{map[string]any{
		"kty": "RSA", "use": "sig", "kid": keyID, "x5t": keyID, "n": base64.RawURLEncoding.EncodeToString(public.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(public.E)).Bytes()), "endorsements": []string{"msteams", "skype"},
	}}})
}

// token gives the bot a token (Bot Connector authentication, "Bot to Connector").
func (s *Server) token(w http.ResponseWriter, r *http.Request, tenant string) {
	if err := r.ParseForm(); err != nil || r.PostForm.Get("grant_type") != "client_credentials" || r.PostForm.Get("scope") != "https://api.botframework.com/.default" {
		web.JSON(w, http.StatusBadRequest, map[string]any{"error": "invalid_request"})
		return
	}
	if tenant != s.cfg.TenantID || r.PostForm.Get("client_id") != s.cfg.AppID || r.PostForm.Get("client_secret") != s.cfg.Secret {
		web.JSON(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided."})
		return
	}
	web.JSON(w, http.StatusOK, map[string]any{"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": s.Token()})
}

// Token is a new token of the bot's.
func (s *Server) Token() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := "bot-token-" + rand.Text()
	s.tokens[t] = true
	s.Raise()
	return t
}

// Revoke ends all tokens.
func (s *Server) Revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.tokens)
}

// known reports whether a call has a token that holds.
func (s *Server) known(r *http.Request) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return ok && s.tokens[t]
}
