package googlechattest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/web"
)

// keys are Google's and the service account's, which take a while to make and are no secrets here.
var keys = sync.OnceValue(func() [2]*rsa.PrivateKey {
	var list [2]*rsa.PrivateKey
	for i := range list {
		k, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err) // the source of randomness does not fail
		}
		list[i] = k
	}
	return list
})

// clientKey is the service account's, as its key file has it: with \n for line ends.
func clientKey() string {
	der, err := x509.MarshalPKCS8PrivateKey(keys()[1])
	if err != nil {
		panic(err) // it is a key
	}
	return strings.ReplaceAll(string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "\n", `\n`)
}

const keyID = "googles-key"

func encoded(v any) string {
	b, _ := json.Marshal(v) // maps, texts and numbers
	return base64.RawURLEncoding.EncodeToString(b)
}

// Claims are those of the token that an event comes with, for a test to change (Verify requests from Google Chat, "Project number").
func (s *Server) Claims() map[string]any {
	now := time.Now().Unix()
	return map[string]any{"iss": "chat@system.gserviceaccount.com", "aud": s.cfg.Project, "iat": now - 60, "exp": now + 3600}
}

// Sign makes a token of claims.
func (s *Server) Sign(claims map[string]any) string {
	text := encoded(map[string]any{"alg": "RS256", "typ": "JWT", "kid": keyID}) + "." + encoded(claims)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(nil, keys()[0], crypto.SHA256, sum[:])
	if err != nil {
		panic(err) // the key is good
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// publicKeys answers with Google's key.
func publicKeys(w http.ResponseWriter) {
	public := keys()[0].PublicKey
	web.JSON(w, http.StatusOK, map[string]any{"keys": []any{map[string]any{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": keyID, "n": base64.RawURLEncoding.EncodeToString(public.N.Bytes()),
		"e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(public.E)).Bytes()),
	}}})
}

// token gives the app a token (Authenticate as a Chat app; RFC 7523).
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil || r.PostForm.Get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" || !s.asserted(r.PostForm.Get("assertion")) {
		web.JSON(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant", "error_description": "Invalid JWT Signature."})
		return
	}
	web.JSON(w, http.StatusOK, map[string]any{"token_type": "Bearer", "expires_in": 3599, "access_token": s.Token()})
}

// asserted reports whether a token is the service account's own, for this server and this use.
func (s *Server) asserted(text string) bool {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return false
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || rsa.VerifyPKCS1v15(&keys()[1].PublicKey, crypto.SHA256, sum[:], signature) != nil {
		return false
	}
	var claims struct{ Iss, Aud, Scope string }
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	return err == nil && json.Unmarshal(b, &claims) == nil && claims.Iss == s.cfg.Email && claims.Aud == s.Root()+"/token" && claims.Scope == "https://www.googleapis.com/auth/chat.bot"
}

// Token is a new token of the app's.
func (s *Server) Token() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := "app-token-" + rand.Text()
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
