// Package oauthtest is an authorization server for tests, as RFC 6749 and RFC 7523 describe one, with a resource that wants
// its tokens.
package oauthtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Server is an authorization server: POST /token issues tokens, and GET /hello is what they are for.
type Server struct {
	// Client and Secret are who may ask; the secret may be shown in either way.
	Client, Secret string
	// Life is that of access tokens; 0 says nothing of it, and they do not end.
	Life time.Duration
	// Rotates replaces a refresh token at each use. With Grace the one before is good until the new one was used; else it
	// is taken for stolen, and the login ends.
	Rotates, Grace bool
	// Keys are the public keys of service accounts, by issuer: *rsa.PublicKey or *ecdsa.PublicKey.
	Keys map[string]any
	// Audience is what their assertions are for.
	Audience string
	// Issued, when it is set, is called once a token is issued and before the answer goes out.
	Issued func()
	// Answer, when it is set, answers instead.
	Answer http.HandlerFunc

	mu      sync.Mutex
	number  int
	access  map[string]time.Time // tokens with their ends, the zero time for none
	refresh string
	before  string // the refresh token that the present one replaced
	ended   bool
	asked   int
	greeted int
	way     string
}

// Login gives out a refresh token, as after an owner's consent.
func (s *Server) Login() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended, s.before = false, ""
	s.refresh = s.next("refresh")
	return s.refresh
}

// Revoke ends all access tokens.
func (s *Server) Revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.access)
}

// Asked is how often somebody asked for a token.
func (s *Server) Asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// Greeted is how often somebody came with a good token.
func (s *Server) Greeted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.greeted
}

// Way is how the last client has shown its secret: "basic" or "body".
func (s *Server) Way() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.way
}

// next makes a token. The caller holds mu.
func (s *Server) next(kind string) string {
	s.number++
	return fmt.Sprintf("%s-token-%04d-of-the-server", kind, s.number)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method + " " + r.URL.Path {
	case "POST /token":
		s.token(w, r)
	case "GET /hello":
		s.hello(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (s *Server) hello(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	end, ok := s.access[token]
	if !ok || !end.IsZero() && !time.Now().Before(end) {
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token"`)
		http.Error(w, "your token "+token+" is not good", http.StatusUnauthorized)
		return
	}
	s.greeted++
	fmt.Fprint(w, "hello")
}

func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.asked++
	s.mu.Unlock()
	if s.Answer != nil {
		s.Answer(w, r)
		return
	}
	if err := r.ParseForm(); err != nil || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || r.URL.RawQuery != "" {
		refuse(w, 400, "invalid_request")
		return
	}
	answer, problem := s.issue(r)
	if problem != "" {
		status := 400
		if problem == "invalid_client" {
			status = 401
		}
		refuse(w, status, problem)
		return
	}
	if s.Issued != nil {
		s.Issued()
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_ = json.NewEncoder(w).Encode(answer)
}

func refuse(w http.ResponseWriter, status int, problem string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": problem, "error_description": "words that hold a secret: " + problem})
}

// issue gives a token, or says why not.
func (s *Server) issue(r *http.Request) (answer map[string]any, problem string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	answer = map[string]any{"token_type": "Bearer"}
	switch r.PostForm.Get("grant_type") {
	case "refresh_token":
		if !s.client(r) {
			return nil, "invalid_client"
		}
		if problem := s.use(r.PostForm.Get("refresh_token"), answer); problem != "" {
			return nil, problem
		}
	case "client_credentials":
		if !s.client(r) {
			return nil, "invalid_client"
		}
	case "urn:ietf:params:oauth:grant-type:jwt-bearer":
		if !s.assertion(r.PostForm.Get("assertion")) {
			return nil, "invalid_grant"
		}
	default:
		return nil, "unsupported_grant_type"
	}
	if s.access == nil {
		s.access = map[string]time.Time{}
	}
	token, end := s.next("access"), time.Time{}
	if s.Life > 0 {
		end = time.Now().Add(s.Life)
		answer["expires_in"] = int(s.Life.Seconds())
	}
	s.access[token], answer["access_token"] = end, token
	return answer, ""
}

// client reports whether the client has shown its secret, in one way only.
func (s *Server) client(r *http.Request) bool {
	id, secret, basic := r.BasicAuth()
	s.way = "body"
	if basic {
		s.way = "basic"
		id, _ = url.QueryUnescape(id)
		secret, _ = url.QueryUnescape(secret)
		if r.PostForm.Has("client_secret") {
			return false
		}
	} else {
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	return id == s.Client && secret == s.Secret
}

// use takes a refresh token.
func (s *Server) use(token string, answer map[string]any) (problem string) {
	switch {
	case s.ended || token == "":
		return "invalid_grant"
	case token == s.refresh:
		if s.Rotates {
			s.before, s.refresh = s.refresh, s.next("refresh")
			answer["refresh_token"] = s.refresh
		}
		return ""
	case token == s.before && s.Grace:
		answer["refresh_token"] = s.refresh
		return ""
	case token == s.before: // stolen, by who has it or had it
		s.ended = true
		clear(s.access)
	}
	return "invalid_grant"
}

// assertion reports whether a JSON Web Token is one of a service account, for this server and now.
func (s *Server) assertion(text string) bool {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return false
	}
	var decoded [3][]byte
	for i := range parts {
		b, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			return false
		}
		decoded[i] = b
	}
	var header struct{ Alg string }
	var claims struct {
		Iss, Aud string
		Iat, Exp int64
	}
	if json.Unmarshal(decoded[0], &header) != nil || json.Unmarshal(decoded[1], &claims) != nil {
		return false
	}
	now := time.Now().Unix()
	if claims.Aud != s.Audience || claims.Exp <= now || claims.Iat > now || claims.Exp-claims.Iat > 3600 {
		return false
	}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	switch key := s.Keys[claims.Iss].(type) {
	case *rsa.PublicKey:
		return header.Alg == "RS256" && rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], decoded[2]) == nil
	case *ecdsa.PublicKey:
		return header.Alg == "ES256" && len(decoded[2]) == 64 &&
			ecdsa.Verify(key, sum[:], new(big.Int).SetBytes(decoded[2][:32]), new(big.Int).SetBytes(decoded[2][32:]))
	}
	return false
}

// Secrets are words that no log and no error may have, beside what the test has entered.
func Secrets() []string {
	return []string{"access-token-", "refresh-token-", "words that hold a secret"}
}
