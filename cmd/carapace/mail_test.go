package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/builtin-plugins/mail/mailtest"
	"github.com/carapace-gateway/carapace/kernel/oauth/oauthtest"
)

// TestMailPage sets up a mailbox that takes no password, as docs/mail.md has it.
func TestMailPage(t *testing.T) {
	tokens := &oauthtest.Server{Client: "ID", Secret: "s3cret-of-the-client", Life: time.Hour, Rotates: true}
	good := func(token string) bool {
		r, answer := httptest.NewRequest(http.MethodGet, "/hello", nil), httptest.NewRecorder()
		r.Header.Set("Authorization", "Bearer "+token)
		tokens.ServeHTTP(answer, r)
		return answer.Code == http.StatusOK
	}
	s, err := mailtest.Listen(mailtest.Config{User: "assistant@example.org", Token: good})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	endpoint := httptest.NewServer(tokens)
	t.Cleanup(endpoint.Close)
	state := stateDir(t)
	serve(t, state)
	local := strings.NewReplacer("tls://imap.gmail.com:993", s.IMAP(), "tls://smtp.gmail.com:465", s.SMTP(), "https://oauth2.googleapis.com", endpoint.URL)
	ran := 0
	for _, b := range blocks(t, "docs/mail.md") {
		if !strings.HasPrefix(b.text, "carapace setup mail --set") {
			continue
		}
		ran++
		line := "CLIENT_SECRET=" + tokens.Secret + " REFRESH_TOKEN=" + tokens.Login() + " " + local.Replace(b.text)
		if got := shell(t, state, path(t), line); got != "E-mail is set up and works\n" {
			t.Errorf("it prints\n%s", got)
		}
	}
	if ran != 1 || s.Logins() == 0 {
		t.Errorf("%d commands, %d logins", ran, s.Logins())
	}
}
