package control

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"sync"
	"time"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/service/endpoint"
)

const (
	cookieName  = "carapace_control"
	tokenHeader = "X-CSRF-Token"
	maxSessions = 64
	idle        = time.Hour
)

// browser is a session of a page.
type browser struct {
	caller *rpc.Caller
	token  string // against requests of others' pages
	used   time.Time
}

// sessions are those that are open, by the hash of their cookie.
type sessions struct {
	mu   sync.Mutex
	open map[string]*browser
}

func hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// same compares two secrets in a time that does not depend on them.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// begin opens a session, for which the one that was used least goes where there are too many.
func (s *sessions) begin(c *rpc.Caller) (cookie, token string) {
	cookie, token = rand.Text(), rand.Text()
	s.mu.Lock()
	defer s.mu.Unlock()
	now, least := time.Now(), ""
	for key, b := range s.open {
		if now.Sub(b.used) > idle {
			delete(s.open, key)
		} else if least == "" || b.used.Before(s.open[least].used) {
			least = key
		}
	}
	if len(s.open) >= maxSessions {
		delete(s.open, least)
	}
	s.open[hash(cookie)] = &browser{c, token, now}
	return cookie, token
}

// find returns a session that is not over, nil where there is none.
func (s *sessions) find(cookie string) *browser {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.open[hash(cookie)]
	if b == nil || time.Since(b.used) > idle {
		return nil
	}
	b.used = time.Now()
	return b
}

func (s *sessions) end(cookie string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, hash(cookie))
}

// begun answers the beginning of a session.
type begun struct {
	Token            string `json:"token"`
	ExpiresInSeconds int    `json:"expiresInSeconds"`
}

// session begins or ends one.
func (s *Service) session(w http.ResponseWriter, r *http.Request) error {
	switch r.Method {
	case http.MethodPost:
		r.Header.Del("Cookie") // it takes the secret itself
		caller, err := s.Admit(r)
		if err != nil {
			return err
		}
		cookie, token := s.sessions.begin(caller)
		http.SetCookie(w, &http.Cookie{
			Name: cookieName, Value: cookie, Path: "/control/", HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil,
		})
		endpoint.Write(w, http.StatusOK, begun{token, int(idle.Seconds())})
		return nil
	case http.MethodDelete:
		if _, err := s.caller(r, true); err != nil {
			return err
		}
		if cookie, err := r.Cookie(cookieName); err == nil {
			s.sessions.end(cookie.Value)
		}
		http.SetCookie(w, &http.Cookie{Name: cookieName, Path: "/control/", HttpOnly: true, SameSite: http.SameSiteStrictMode, MaxAge: -1})
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	return &otherMethod{[]string{http.MethodPost, http.MethodDelete}}
}
